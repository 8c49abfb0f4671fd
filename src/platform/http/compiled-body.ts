import type { PipeTransform } from '@nestjs/common';
import { compiledCheck } from './compiled-check.js';
import { invalid } from './errors.js';
import { notJson } from './json-guard.js';

/**
 * `@Body(compiledBody(schema)) body: Beat`: the body checked by a compiled JSON schema, 400 with `details` otherwise.
 * The value passes as it came, unknown fields included: read named fields, never spread it. `optional`: no body is `{}`.
 */
export function compiledBody(schema: object, { optional = false } = {}): PipeTransform<unknown, unknown> {
  const check = compiledCheck(schema);
  return {
    transform(body) {
      if (body === undefined && optional) return {};
      if (body === undefined) throw notJson();
      const details = check(body);
      if (details !== undefined) throw invalid(details);
      return body;
    },
  };
}
