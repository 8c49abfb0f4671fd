import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsNotEmpty, IsObject, IsOptional, IsString, MaxLength } from 'class-validator';
import { IsAgentName } from '../agents/is-agent-name.js';
import { MaxJsonBytes } from '../platform/http/max-json-bytes.js';

export class ConnectBody {
  @ApiProperty({ maxLength: 100, example: 'claude-code' })
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  tool_name!: string;

  @ApiProperty({ maxLength: 100, example: 'build-bot', description: 'Exact name; a new one creates the agent.' })
  @IsAgentName()
  agent_name!: string;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 50, example: '1.0.0' })
  @IsOptional()
  @IsString()
  @MaxLength(50)
  tool_version?: string | null;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    maxLength: 100,
    default: 'cli',
    description: 'Used only for a new agent.',
  })
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  agent_role?: string | null;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, description: 'At most 16 KiB of JSON.' })
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(16_384)
  metadata?: Record<string, unknown> | null;
}
