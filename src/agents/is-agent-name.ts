import { ValidateBy } from 'class-validator';
import { checkName } from './agent.names.js';

/** Refuses what no agent may be called, before anything of the request is looked at. Null and absent are for `IsOptional`. */
export function IsAgentName(): PropertyDecorator {
  return ValidateBy({
    name: 'isAgentName',
    validator: {
      validate: (value: unknown) => reasonAgainst(value) === undefined,
      defaultMessage: (args) => `$property ${reasonAgainst(args?.value) ?? 'is not a name'}`,
    },
  });
}

function reasonAgainst(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  const checked = checkName(value);
  return checked.kind === 'invalid' ? checked.reason : undefined;
}
