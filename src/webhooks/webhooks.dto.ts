import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Max,
  Min,
  ValidateBy,
} from 'class-validator';
import { deliveryOrders, type DeliveryOrder } from './webhooks.events.js';

const DAY_SECONDS = 86_400;
const MOST_HEADERS = 10;
/** What the transport, the signature and the receiver's session stand on is not the user's to set. */
const FORBIDDEN = /^(?:host|content-length|transfer-encoding|connection|cookie|webhook-.*|x-mc-.*)$/i;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
const HEADER_VALUE = /^[\t\x20-\x7e]{1,4000}$/;
const PRINTABLE = /^[\x21-\x7e]+$/;

export class CreateWebhookBody {
  @ApiProperty({ minLength: 1, maxLength: 200 })
  @IsString()
  @Length(1, 200)
  name!: string;

  @ApiProperty({ maxLength: 2_000, description: 'http or https, https only in production' })
  @IsString()
  @Length(1, 2_000)
  url!: string;

  @ApiPropertyOptional({ type: [String], default: ['*'] })
  @IsOptional()
  @IsEntries()
  events?: string[];

  @ApiPropertyOptional({ default: true })
  @IsOptional()
  @IsBoolean()
  generate_secret?: boolean;

  @ApiPropertyOptional({ enum: deliveryOrders, default: 'none' })
  @IsOptional()
  @IsIn(deliveryOrders)
  order?: DeliveryOrder;

  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' } })
  @IsOptional()
  @IsHeaders()
  headers?: Record<string, string>;
}

export class UpdateWebhookBody {
  @ApiProperty({ type: 'integer' })
  @IsInt()
  @Min(1)
  id!: number;

  @IsOptional()
  @IsString()
  @Length(1, 200)
  name?: string;

  @IsOptional()
  @IsString()
  @Length(1, 2_000)
  url?: string;

  @IsOptional()
  @IsEntries()
  events?: string[];

  @IsOptional()
  @IsHeaders()
  headers?: Record<string, string>;

  @IsOptional()
  @IsBoolean()
  enabled?: boolean;

  @ApiPropertyOptional({ enum: ['resume', 'skip'], default: 'resume' })
  @IsOptional()
  @IsIn(['resume', 'skip'])
  backlog?: 'resume' | 'skip';

  @IsOptional()
  @IsBoolean()
  regenerate_secret?: boolean;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(7 * DAY_SECONDS)
  grace_seconds?: number;

  @IsOptional()
  @IsBoolean()
  reset_circuit?: boolean;
}

export class WebhookIdBody {
  @IsInt()
  @Min(1)
  id!: number;
}

export class RetryBody {
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  delivery_id!: number;
}

export class ReplayBody {
  @IsInt()
  @Min(1)
  id!: number;

  @IsOptional()
  @IsString()
  from?: string;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(253_402_300_799)
  since?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(253_402_300_799)
  until?: number;

  @IsOptional()
  @IsEntries()
  types?: string[];

  @IsOptional()
  @IsIn(['dead'])
  state?: 'dead';
}

export const DEFAULT_GRACE_SECONDS = DAY_SECONDS;

function IsEntries(): PropertyDecorator {
  return (target, key) => {
    IsArray()(target, key);
    ArrayMaxSize(50)(target, key);
    ValidateBy({
      name: 'isEntries',
      validator: {
        validate: (value: unknown) =>
          Array.isArray(value) &&
          value.every((each: unknown) => typeof each === 'string' && each.length <= 200 && PRINTABLE.test(each)),
        defaultMessage: () => '$property must be names of events of 1 to 200 characters',
      },
    })(target, key);
  };
}

function IsHeaders(): PropertyDecorator {
  return (target, key) => {
    IsObject()(target, key);
    ValidateBy({
      name: 'isHeaders',
      validator: {
        validate: (value: unknown) => typeof value === 'object' && value !== null && areHeaders(value),
        defaultMessage: () =>
          '$property must be at most 10 headers, none of host, content-length, transfer-encoding, connection, cookie, webhook-* and x-mc-*',
      },
    })(target, key);
  };
}

function areHeaders(value: object): boolean {
  const entries = Object.entries(value);
  const names = new Set(entries.map(([name]) => name.toLowerCase()));
  return (
    entries.length <= MOST_HEADERS &&
    names.size === entries.length &&
    entries.every(
      ([name, text]) =>
        HEADER_NAME.test(name) && !FORBIDDEN.test(name) && typeof text === 'string' && HEADER_VALUE.test(text),
    )
  );
}
