import { ValidateBy, type ValidationOptions } from 'class-validator';

/** Refuses a value whose JSON text is longer than `limit` bytes of UTF-8. */
export function MaxJsonBytes(limit: number, options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'maxJsonBytes',
      validator: {
        validate: (value: unknown) => Buffer.byteLength(JSON.stringify(value) ?? '') <= limit,
        defaultMessage: () => `$property must be at most ${limit} bytes of JSON`,
      },
    },
    options,
  );
}
