import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';

/** Looks up, anywhere in the application, what somebody may or may not have provided. */
@Injectable()
export class OptionalPorts {
  constructor(private readonly modules: ModuleRef) {}

  find<T>(port: abstract new (...args: never[]) => T): T | undefined {
    try {
      return this.modules.get<T>(port, { strict: false });
    } catch {
      return undefined;
    }
  }
}
