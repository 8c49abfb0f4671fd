import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { CurrentCaller, type Caller } from '../../platform/http/request-context.js';
import { invalid } from '../../platform/http/errors.js';
import { Tickets } from './tickets.js';

interface TicketAnswer {
  readonly ticket: string;
  /** Unix seconds. */
  readonly expires_at: number;
  readonly url: string;
}

@Controller('api/events/ticket')
export class TicketController {
  constructor(private readonly tickets: Tickets) {}

  @Post()
  @HttpCode(200)
  async issue(@CurrentCaller() caller: Caller, @Body() body: unknown): Promise<TicketAnswer> {
    const { ticket, expiresAtMs } = await this.tickets.issue(caller.principal, filtersOf(body));
    return {
      ticket,
      expires_at: Math.floor(expiresAtMs / 1000),
      url: `/api/events?ticket=${ticket}`,
    };
  }
}

/** No body asks for everything. */
function filtersOf(body: unknown): Readonly<Record<string, unknown>> {
  if (body === undefined) return {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid(['body: must be an object']);
  return body as Readonly<Record<string, unknown>>;
}
