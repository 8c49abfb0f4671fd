import { Injectable } from '@nestjs/common';
import type { Principal } from '../platform/auth/principal.js';
import type { CommandContext } from '../platform/command/command-context.js';
import type { CommandAnswer } from '../platform/command/idempotency.js';
import { conflict, invalid, notFound, Refusal } from '../platform/http/errors.js';
import { CurrentPrices } from '../prices/current-prices.js';
import { shownCost, usageJson } from './usage-json.js';
import { UsageRecorder } from './usage-recorder.js';
import { type ParsedAmendment, parseAmendment } from './usage-report.js';
import type { UsageCommand, UsageRefusal } from './usage.decider.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Corrections and voids of reports. The report stays in the history. */
@Injectable()
export class UsageAmendments {
  constructor(
    private readonly recorder: UsageRecorder,
    private readonly prices: CurrentPrices,
  ) {}

  /** Errors: 400 invalid or counts that do not fit together, 403 a report of another agent, 404, 409 voided. */
  async correct(context: CommandContext, principal: Principal, id: string, body: unknown): Promise<CommandAnswer> {
    const { reason, correction } = checked(parseAmendment(body));
    if (Object.keys(correction).length === 0) throw invalid(['body: must set model or one of the counts']);
    return this.amend(context, id, { type: 'CorrectUsage', reason, correction, ...ownOnly(principal) });
  }

  /** Errors: 400, 403, 404. Voiding again is no error and changes nothing. */
  async void(context: CommandContext, principal: Principal, id: string, body: unknown): Promise<CommandAnswer> {
    const { reason } = checked(parseAmendment(body));
    return this.amend(context, id, { type: 'VoidUsage', reason, ...ownOnly(principal) });
  }

  private async amend(context: CommandContext, id: string, command: UsageCommand): Promise<CommandAnswer> {
    if (!UUID.test(id)) throw notFound('Token usage record not found');
    const { state, refusal, position } = await this.recorder.amend(context, id, command);
    if (refusal !== undefined) throw refusalOf(refusal);
    if (state === undefined) throw notFound('Token usage record not found');
    const cost = shownCost(await this.prices.table(), state.facts);
    return {
      status: 200,
      body: {
        success: true,
        record: usageJson(state.facts, context.workspaceId, cost),
        ...(state.isVoided ? { voided: true } : {}),
      },
      position,
    };
  }
}

function ownOnly({ agentId }: Principal): { readonly ownAgentId?: number } {
  return agentId === undefined ? {} : { ownAgentId: agentId };
}

function checked(parsed: ParsedAmendment): Extract<ParsedAmendment, { kind: 'amendment' }> {
  if (parsed.kind === 'invalid') throw invalid(parsed.errors);
  return parsed;
}

function refusalOf(refusal: UsageRefusal): Refusal {
  switch (refusal.type) {
    case 'UnknownReport':
      return notFound('Token usage record not found');
    case 'OtherAgent':
      return new Refusal(403, 'Access denied: agent key may only access its own agent.');
    case 'VoidedReport':
      return conflict('Token usage record is voided');
    case 'InconsistentCounts':
      return invalid(refusal.errors);
  }
}
