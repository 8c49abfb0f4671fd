import { ValidateBy } from 'class-validator';
import { slugOf } from './project.names.js';

const MAX_LENGTH = 200;

/** A name of 1 to 200 characters that a slug can be made of. */
export function IsProjectName(): PropertyDecorator {
  return ValidateBy({
    name: 'isProjectName',
    validator: {
      validate: (value: unknown) => reasonAgainst(value) === undefined,
      defaultMessage: (args) => `$property ${reasonAgainst(args?.value) ?? 'is not a name'}`,
    },
  });
}

function reasonAgainst(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  const name = value.trim();
  if (name.length < 1 || name.length > MAX_LENGTH) return `must have 1 to ${MAX_LENGTH} characters`;
  return slugOf(name) === '' ? 'must have a letter or a digit' : undefined;
}
