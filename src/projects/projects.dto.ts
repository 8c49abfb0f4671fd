import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
} from 'class-validator';
import { IsProjectName } from './is-project-name.js';

const MAX_SECONDS = 4_102_444_800;
const MAX_AGENTS = 1_000;
const PREFIX = /^[A-Za-z0-9]{1,20}$/;

/** A field that may be left out but not set to nothing. */
const IfGiven = () => ValidateIf((_, value) => value !== undefined);

class ProjectFieldsBody {
  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 5_000 })
  @IsOptional()
  @IsString()
  @MaxLength(5_000)
  description?: string | null;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 200, example: 'acme/website' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  github_repo?: string | null;

  @ApiPropertyOptional({
    type: 'integer',
    nullable: true,
    minimum: 0,
    maximum: MAX_SECONDS,
    description: 'Unix seconds',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_SECONDS)
  deadline?: number | null;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 50, example: '#2266cc' })
  @IsOptional()
  @IsString()
  @MaxLength(50)
  color?: string | null;
}

export class CreateProjectBody extends ProjectFieldsBody {
  @ApiProperty({ maxLength: 200, example: 'Website' })
  @IsProjectName()
  name!: string;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    pattern: PREFIX.source,
    description: 'Made of the name when it is left out.',
  })
  @IsOptional()
  @Matches(PREFIX)
  ticket_prefix?: string | null;
}

export class ChangeProjectBody extends ProjectFieldsBody {
  @ApiPropertyOptional({ maxLength: 200 })
  @IfGiven()
  @IsProjectName()
  name?: string;

  @ApiPropertyOptional({ pattern: PREFIX.source })
  @IfGiven()
  @Matches(PREFIX)
  ticket_prefix?: string;

  @ApiPropertyOptional({ enum: ['active', 'archived'] })
  @IfGiven()
  @IsIn(['active', 'archived'])
  status?: 'active' | 'archived';

  @ApiPropertyOptional({ type: [String], description: 'The whole set from now on, by name; null empties it.' })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_AGENTS)
  @IsString({ each: true })
  @MaxLength(100, { each: true })
  assigned_agents?: string[] | null;
}

export class AssignAgentBody {
  @ApiProperty({ maxLength: 100, example: 'build-bot' })
  @IsString()
  @MaxLength(100)
  @Matches(/\S/)
  agent_name!: string;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 100, default: 'member' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  @Matches(/\S/)
  role?: string | null;
}
