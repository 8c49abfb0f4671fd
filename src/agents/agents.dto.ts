import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsArray, IsIn, IsNotEmpty, IsObject, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { MaxJsonBytes } from '../platform/http/max-json-bytes.js';
import { agentStatuses, runtimeTypes, type AgentStatus, type RuntimeType } from './agents.events.js';
import { IsAgentName } from './is-agent-name.js';

const MAX_CONFIG_BYTES = 65_536;
export const selfRoles = ['coder', 'reviewer', 'tester', 'devops', 'researcher', 'assistant', 'agent'] as const;

class AgentFields {
  @ApiPropertyOptional({ enum: agentStatuses })
  @IsOptional()
  @IsIn(agentStatuses)
  status?: AgentStatus | null;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 200 })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  session_key?: string | null;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 50_000 })
  @IsOptional()
  @IsString()
  @MaxLength(50_000)
  soul_content?: string | null;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, description: 'At most 64 KiB of JSON.' })
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(MAX_CONFIG_BYTES)
  config?: Record<string, unknown> | null;

  @ApiPropertyOptional({ enum: runtimeTypes })
  @IsOptional()
  @IsIn(runtimeTypes)
  runtime_type?: RuntimeType | null;
}

export class CreateAgentBody extends AgentFields {
  @ApiProperty({ maxLength: 100, example: 'build-bot' })
  @IsAgentName()
  name!: string;

  @ApiProperty({ maxLength: 100, example: 'developer' })
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  role!: string;
}

export class ChangeAgentByNameBody extends AgentFields {
  @ApiProperty({ maxLength: 100, example: 'build-bot' })
  @IsString()
  @IsNotEmpty()
  name!: string;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 100 })
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  role?: string | null;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 500 })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  last_activity?: string | null;
}

export class ChangeAgentBody {
  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 100 })
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  role?: string | null;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    maxLength: 100,
    description: 'A new name; 409 when somebody has it or a look-alike.',
  })
  @IsOptional()
  @IsAgentName()
  name?: string | null;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, description: 'Becomes the agent’s config.' })
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(MAX_CONFIG_BYTES)
  gateway_config?: Record<string, unknown> | null;
}

export class RegisterAgentBody {
  @ApiProperty({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', example: 'reviewer-2' })
  @IsAgentName()
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)
  name!: string;

  @ApiPropertyOptional({ enum: selfRoles, default: 'agent' })
  @IsOptional()
  @IsIn(selfRoles)
  role?: (typeof selfRoles)[number] | null;

  @ApiPropertyOptional({ type: [String] })
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  @MaxJsonBytes(16_384)
  capabilities?: string[] | null;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 100 })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  framework?: string | null;
}
