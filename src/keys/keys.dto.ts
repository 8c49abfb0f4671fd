import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsPositive,
  Max,
  Min,
  ValidateBy,
} from 'class-validator';
import { agentScopes, type AgentScope } from '../platform/auth/access-rule.js';
import { roles, type Role } from '../platform/auth/principal.js';

/** What a key of a workspace may be given beside its role. */
export const workspaceScopes = ['auditor'] as const;
/** The last second of the year 9999. */
const MAX_UNIX_SECONDS = 253_402_300_799;
const MAX_DAYS = 3_650;

class KeyTermsBody {
  @ApiPropertyOptional({ type: String, nullable: true, minLength: 1, maxLength: 128, default: 'default' })
  @IsOptional()
  @IsKeyName()
  name?: string | null;

  @ApiPropertyOptional({
    type: 'integer',
    nullable: true,
    minimum: 0,
    description: 'Unix seconds; null: never. Default: in 90 days. One in the past makes a key that never works.',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_UNIX_SECONDS)
  expires_at?: number | null;

  @ApiPropertyOptional({
    type: 'number',
    maximum: MAX_DAYS,
    description: 'Instead of expires_at: how many days from now, more than 0.',
  })
  @IsOptional()
  @IsNumber({ allowInfinity: false, allowNaN: false })
  @IsPositive()
  @Max(MAX_DAYS)
  expires_in_days?: number | null;
}

export class WorkspaceKeyBody extends KeyTermsBody {
  @ApiProperty({ enum: roles })
  @IsIn(roles)
  role!: Role;

  @ApiPropertyOptional({ enum: workspaceScopes, isArray: true, description: 'auditor opens the audit to any role.' })
  @IsOptional()
  @IsArray()
  @IsIn(workspaceScopes, { each: true })
  scopes?: (typeof workspaceScopes)[number][] | null;
}

export class AgentKeyBody extends KeyTermsBody {
  @ApiPropertyOptional({ enum: agentScopes, isArray: true, default: ['viewer', 'agent:self'] })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @IsIn(agentScopes, { each: true })
  scopes?: AgentScope[] | null;
}

export class RevokeKeyBody {
  @ApiProperty({ type: 'integer', minimum: 1, example: 7 })
  @IsInt()
  @IsPositive()
  @Max(Number.MAX_SAFE_INTEGER)
  key_id!: number;
}

/** What people read in lists and as the actor of facts: it must not pretend to be anything else. */
function IsKeyName(): PropertyDecorator {
  return ValidateBy({
    name: 'isKeyName',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && isKeyName(value),
      defaultMessage: () => '$property must be text of 1 to 128 characters without control characters',
    },
  });
}

function isKeyName(value: string): boolean {
  const name = keyNameOf(value);
  return /^[^\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]{1,128}$/u.test(name);
}

export function keyNameOf(given: string): string {
  return given.trim().normalize('NFC');
}
