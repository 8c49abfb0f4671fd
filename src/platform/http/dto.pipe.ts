import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { invalid } from './errors.js';
import { notJson } from './json-guard.js';

const PLAIN_TYPES = new Set<unknown>([Object, String, Number, Boolean, Array, Buffer]);

/**
 * Bodies declared with a class are checked by its class-validator decorators; unknown fields are dropped. Bodies without
 * a class pass untouched. Refused with 400 and `details: ["field: reason"]`.
 */
@Injectable()
export class DtoPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' || metatype === undefined || PLAIN_TYPES.has(metatype)) return value;
    return validated(metatype, value);
  }
}

/** The body as an instance of `dto`, holding declared fields only. Throws the 400. */
export function validated<T extends object>(dto: Type<T>, body: unknown): T {
  if (body === undefined) throw notJson();
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid(['body: must be an object']);
  const instance = plainToInstance(dto, body, { exposeUnsetFields: false });
  const errors = validateSync(instance, { whitelist: true, forbidUnknownValues: false });
  if (errors.length > 0) throw invalid(errors.flatMap((error) => detailsOf(error, '')));
  return instance;
}

function detailsOf(error: ValidationError, prefix: string): string[] {
  const path = `${prefix}${error.property}`;
  const reason = reasonOf(error);
  const own = reason === undefined ? [] : [`${path}: ${withoutField(reason, error.property)}`];
  return [...own, ...(error.children ?? []).flatMap((child) => detailsOf(child, `${path}.`))];
}

/**
 * Decorators are kept from the bottom up, so the last reason is that of the topmost one: what the value must be at all.
 * How long or how large it may be says nothing about a number in place of a text.
 */
function reasonOf({ constraints, value }: ValidationError): string | undefined {
  const reason = Object.values(constraints ?? {}).at(-1);
  return reason !== undefined && value === undefined ? 'is required' : reason;
}

/** class-validator begins its own texts with the name of the field. */
function withoutField(reason: string, field: string): string {
  return reason.startsWith(`${field} `) ? reason.slice(field.length + 1) : reason;
}
