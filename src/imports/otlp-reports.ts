import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Principal } from '../platform/auth/principal.js';
import type { CommandContext } from '../platform/command/command-context.js';
import type { Position } from '../platform/event-store/position.js';
import { invalid } from '../platform/http/errors.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import type { BatchFault } from '../tokens/usage-batch.js';
import { TokenCommands } from '../tokens/tokens.commands.js';
import { type OtlpSignal, readOtlp } from './otlp-usage.js';
import type { ImportedUsage } from './usage-record.js';

const MAX_REASONS = 10;

export interface OtlpAnswer {
  readonly rejected: number;
  /** Why, of the first. */
  readonly reasons: readonly string[];
  readonly position: Position | undefined;
}

interface Recorded {
  readonly recorded: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly faults: number;
  readonly reasons: readonly string[];
  readonly position: Position | undefined;
}

const NOTHING: Recorded = { recorded: 0, duplicates: 0, conflicts: 0, faults: 0, reasons: [], position: undefined };

/** Exports of OpenTelemetry become reports of usage, each record once. */
@Injectable()
export class OtlpReports {
  private readonly records: Counter<'signal' | 'result'>;

  constructor(
    private readonly tokens: TokenCommands,
    private readonly directory: AgentDirectory,
    metrics: Metrics,
  ) {
    this.records = new Counter({
      name: 'mc_otlp_records_total',
      help: 'Log records and spans that exporters sent, by what came of them.',
      labelNames: ['signal', 'result'],
      registers: [metrics.registry],
    });
  }

  /** Records what can be, and says what cannot. Errors: 400 no export of this signal, 413 too many, 503. */
  async record(context: CommandContext, principal: Principal, body: unknown, signal: OtlpSignal): Promise<OtlpAnswer> {
    const own = await this.ownName(principal);
    const read = readOtlp(body, signal, own ?? principal.attributedTo);
    if (read === undefined) {
      throw invalid([`${signal === 'logs' ? 'resourceLogs' : 'resourceSpans'}: must be a list`]);
    }
    const mine = read.usage.filter((usage) => own === undefined || usage.sessionId.startsWith(`${own}:`));
    const foreign = read.usage.length - mine.length;
    const done = mine.length === 0 ? NOTHING : await this.report(context, principal, mine);
    const rejected = read.refused.length + foreign + done.faults + done.conflicts;
    this.count(signal, { ...done, ignored: read.ignored, refused: rejected });
    const reasons = [
      ...read.refused,
      ...Array.from({ length: foreign }, () => 'Access denied: agent key may only access its own agent.'),
      ...done.reasons,
    ];
    return { rejected, reasons: [...new Set(reasons)].slice(0, MAX_REASONS), position: done.position };
  }

  private async report(
    context: CommandContext,
    principal: Principal,
    usage: readonly ImportedUsage[],
  ): Promise<Recorded> {
    const { body, position } = await this.tokens.reportMany(context, principal, usage, undefined, 'skip');
    const answer = body as unknown as {
      readonly recorded: number;
      readonly duplicates: number;
      readonly conflicts: number;
      readonly errors?: readonly BatchFault[];
      readonly errorCount?: number;
    };
    return {
      recorded: answer.recorded,
      duplicates: answer.duplicates,
      conflicts: answer.conflicts,
      faults: answer.errorCount ?? 0,
      reasons: [
        ...(answer.errors ?? []).flatMap(({ errors }) => errors),
        ...(answer.conflicts > 0 ? ['recorded before with other content, which stands'] : []),
      ],
      position,
    };
  }

  private async ownName({ workspaceId, agentId }: Principal): Promise<string | undefined> {
    if (agentId === undefined) return undefined;
    // An agent that is gone has no name, so nothing can be its own.
    return (await this.directory.byId(workspaceId, agentId))?.name ?? '';
  }

  private count(
    signal: OtlpSignal,
    {
      recorded,
      duplicates,
      ignored,
      refused,
    }: Pick<Recorded, 'recorded' | 'duplicates'> & Record<'ignored' | 'refused', number>,
  ): void {
    this.records.inc({ signal, result: 'recorded' }, recorded);
    this.records.inc({ signal, result: 'duplicate' }, duplicates);
    this.records.inc({ signal, result: 'ignored' }, ignored);
    this.records.inc({ signal, result: 'refused' }, refused);
  }
}
