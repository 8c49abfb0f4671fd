import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsOptional, IsString, MaxLength, ValidateIf } from 'class-validator';

export class WriteMemoryBody {
  @ApiProperty({ description: 'At most 512 KiB of UTF-8.' })
  @IsString()
  working_memory!: string;

  @ApiPropertyOptional({
    type: Boolean,
    nullable: true,
    default: false,
    description: 'Add it at the end, after a blank line.',
  })
  @IsOptional()
  @IsBoolean()
  append?: boolean | null;
}

export class WriteSoulBody {
  @ApiProperty({ maxLength: 50_000, nullable: true, type: String })
  @ValidateIf((_, value) => value !== null)
  @IsString()
  @MaxLength(50_000)
  soul_content!: string | null;
}
