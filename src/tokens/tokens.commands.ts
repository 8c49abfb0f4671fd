import { Injectable } from '@nestjs/common';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Principal } from '../platform/auth/principal.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { laterOf, type Position } from '../platform/event-store/position.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { conflict, Refusal } from '../platform/http/errors.js';
import { CurrentPrices } from '../prices/current-prices.js';
import { checkBatch, invalidBatch } from './usage-batch.js';
import { shownCost, usageJson } from './usage-json.js';
import { UsageRecorder, type RecordedUsage } from './usage-recorder.js';
import { parseUsage } from './usage-report.js';

export interface ReportAnswer {
  readonly status: 200 | 409;
  readonly body: { readonly [key: string]: Json | undefined };
  readonly position: Position | undefined;
}

/** Reports of token usage: each counts once, for ever. */
@Injectable()
export class TokenCommands {
  constructor(
    private readonly recorder: UsageRecorder,
    private readonly directory: AgentDirectory,
    private readonly prices: CurrentPrices,
  ) {}

  /** Errors: 400 invalid, 403 a session of another agent, 409 the id stands for other content. */
  async reportOne(
    context: CommandContext,
    principal: Principal,
    body: unknown,
    key: string | undefined,
  ): Promise<ReportAnswer> {
    const parsed = parseUsage(body, context.receivedAt);
    if (parsed.kind === 'invalid') {
      throw new Refusal(400, 'Invalid token usage record', { details: parsed.errors });
    }
    const { report } = parsed;
    if (key !== undefined && report.eventId !== undefined && key !== report.eventId) {
      throw new Refusal(400, 'Invalid token usage record', { details: ['eventId: differs from Idempotency-Key'] });
    }
    await this.assertOwnSessions(principal, [report.agentName]);
    const eventId = report.eventId ?? key;
    const recorded = await this.recorder.record(context, { ...report, eventId });
    if (recorded.kind === 'conflict') {
      throw conflict('eventId already used with different content', { eventId: recorded.record.eventId });
    }
    const duplicate = recorded.kind === 'duplicate';
    const record = duplicate ? await this.recorder.stored(recorded.record, recorded.revision) : recorded.record;
    return {
      status: 200,
      body: {
        success: true,
        record: usageJson(record, context.workspaceId, shownCost(await this.prices.table(), record)),
        duplicate,
        ...warningsOf([recorded]),
      },
      position: recorded.kind === 'recorded' ? recorded.position : undefined,
    };
  }

  /** All are checked before any is stored. Errors: 400, 403; an id with other content answers 409 beside the recorded ones. */
  async reportMany(
    context: CommandContext,
    principal: Principal,
    records: readonly unknown[],
    key: string | undefined,
    onError: 'refuse' | 'skip',
  ): Promise<ReportAnswer> {
    const { reports, faults } = checkBatch(records, key, context.receivedAt);
    if (faults.length > 0 && onError === 'refuse') throw invalidBatch(faults);
    await this.assertOwnSessions(principal, new Set(reports.map(({ report }) => report.agentName)));
    const recorded = await this.recorder.recordAll(
      context,
      reports.map(({ report }) => report),
    );
    const results = recorded.map((outcome, at) => ({
      index: reports[at]?.index ?? at,
      id: outcome.record.id,
      eventId: outcome.record.eventId,
      status: outcome.kind === 'conflict' ? 409 : 200,
      duplicate: outcome.kind === 'duplicate',
    }));
    const count = (kind: RecordedUsage['kind']) => recorded.filter((outcome) => outcome.kind === kind).length;
    const conflicts = count('conflict');
    return {
      status: conflicts > 0 ? 409 : 200,
      body: {
        success: conflicts === 0,
        recorded: count('recorded'),
        duplicates: count('duplicate'),
        conflicts,
        results,
        ...(conflicts > 0 ? { error: 'eventId already used with different content' } : {}),
        ...(faults.length > 0 ? { errors: faults.slice(0, 100) as unknown as Json, errorCount: faults.length } : {}),
        ...warningsOf(recorded),
      },
      position: recorded.reduce<Position | undefined>(lastPosition, undefined),
    };
  }

  private async assertOwnSessions(principal: Principal, agentNames: Iterable<string>): Promise<void> {
    if (principal.agentId === undefined) return;
    const own = await this.directory.byId(principal.workspaceId, principal.agentId);
    for (const name of agentNames) {
      if (name !== own?.name) throw new Refusal(403, 'Access denied: agent key may only access its own agent.');
    }
  }
}

function lastPosition(latest: Position | undefined, outcome: RecordedUsage): Position | undefined {
  if (outcome.kind !== 'recorded') return latest;
  return latest === undefined ? outcome.position : laterOf(latest, outcome.position);
}

function warningsOf(recorded: readonly RecordedUsage[]): { readonly warnings?: readonly string[] } {
  const unknown = new Set(recorded.flatMap(({ record }) => record.unknownTaskId ?? []));
  if (unknown.size === 0) return {};
  return { warnings: [...unknown].slice(0, 100).map((id) => `taskId: there is no task ${id} in this workspace`) };
}
