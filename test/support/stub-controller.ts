import { Body, Controller, HttpCode, RequestMapping, RequestMethod, type Type } from '@nestjs/common';
import type { AccessRule } from '../../src/platform/auth/access-rule.js';
import { routerPath } from '../../src/platform/auth/access-table.js';

/** A controller that answers 200 on every given route and counts how often a handler was reached. */
export function stubController(rules: readonly AccessRule[]): Type & { reached: number } {
  class Stub {
    static reached = 0;
  }
  const methods = Stub.prototype as unknown as Record<string, (body: unknown) => unknown>;
  for (const [index, rule] of rules.entries()) {
    const name = `route${index}`;
    const handler = (body: unknown) => {
      Stub.reached += 1;
      return { body: body ?? null };
    };
    const descriptor = { value: handler, writable: true, configurable: true, enumerable: false };
    Object.defineProperty(methods, name, descriptor);
    Body()(methods, name, 0);
    RequestMapping({ path: routerPath(rule.path), method: RequestMethod[rule.method] })(methods, name, descriptor);
    HttpCode(200)(methods, name, descriptor);
  }
  Controller()(Stub);
  return Stub;
}
