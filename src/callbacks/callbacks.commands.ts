import { Injectable } from '@nestjs/common';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { RegisteredAgent } from '../agents/agent.decider.js';
import { Clock } from '../platform/clock/clock.js';
import type { CommandContext } from '../platform/command/command-context.js';
import type { Position } from '../platform/event-store/position.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import { conflict, invalid, notFound, Refusal } from '../platform/http/errors.js';
import { notJson, parseJson } from '../platform/http/json-guard.js';
import { Ids } from '../platform/ids/ids.js';
import { TaskDirectory } from '../tasks/task-directory.js';
import { taskDecider } from '../tasks/task.decider.js';
import { refusalOf } from '../tasks/task-refusals.js';
import { parseCallback } from './callback-body.js';
import { actorOf, CallbackEffect, reportOn } from './callback-effect.js';
import { bodyDigestOf, CallbackStreams, type CallbackResult, type StoredCallback } from './callback-streams.js';
import type { CallbackAccepted, CallbackReport } from './callbacks.events.js';
import { OpenTasks } from './open-tasks.js';
import type { Verdict } from './signature/verify.js';

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const LEGACY_REPEAT_MS = 24 * 3_600_000;

type AcceptedSignature = Extract<Verdict, { kind: 'accepted' }>;

/** A callback whose signature was found good. */
export interface SignedCallback {
  readonly workspaceId: number;
  readonly agent: RegisteredAgent;
  readonly signature: AcceptedSignature;
  readonly body: Buffer;
}

export interface CallbackAnswer {
  readonly accepted: CallbackAccepted['data'];
  readonly acceptedId: string;
  readonly result: CallbackResult['data'];
  readonly duplicate: boolean;
  readonly position: Position;
}

type CallbackRequest = Pick<CommandContext, 'correlationId' | 'traceparent'>;

/** What happens to a callback once it is known who signed it: steps 7 to 12 of the security rules, section 2.3. */
@Injectable()
export class CallbackCommands {
  constructor(
    private readonly streams: CallbackStreams,
    private readonly effect: CallbackEffect,
    private readonly tasks: TaskDirectory,
    private readonly openTasks: OpenTasks,
    private readonly agents: AgentDirectory,
    private readonly ids: Ids,
    private readonly clock: Clock,
  ) {}

  /**
   * Errors: 400 for a body that cannot be understood, 404 for a task that is not this agent's, 409 for another body under
   * a known id and for a step that the task's state forbids. Refused ones spend no id.
   */
  async receive(request: CallbackRequest, signed: SignedCallback): Promise<CallbackAnswer> {
    const { agent, signature, body } = signed;
    const context = this.contextOf(request, signed);
    const bodyDigest = bodyDigestOf(body);
    const known = await this.streams.newest(agent.agentId, signature.deliveryKey);
    if (known !== undefined && this.isRepeat(known, signature)) return this.again(context, known, bodyDigest);
    const report = await this.reportIn(signed);
    const data: CallbackAccepted['data'] = {
      agentId: agent.agentId,
      agentName: agent.name,
      deliveryKey: signature.deliveryKey,
      scheme: signature.scheme,
      senderId: signature.senderId,
      secretId: Number(signature.secretId),
      bodyDigest,
      report,
    };
    await this.assertPossible(signed.workspaceId, data);
    const before = known === undefined ? 'no_stream' : (known.result ?? known.accepted).revision;
    const stored = await this.streams.accept(context, data, before);
    const mine = stored.accepted.metadata.commandId === context.commandId;
    if (!mine) return this.again(context, stored, bodyDigest);
    return this.answered(context, stored, false);
  }

  /** Goes on with what was accepted and left alone. */
  async finish(accepted: StoredEvent<CallbackAccepted>): Promise<void> {
    const { workspaceId, correlationId } = accepted.metadata;
    const agent = await this.agents.byId(workspaceId, accepted.data.agentId);
    if (agent === undefined) return;
    await this.effect.apply(this.systemContext(workspaceId, correlationId, accepted), accepted);
  }

  /** Native ids count once for ever; a legacy signature is the same callback for a day, then the task decides. */
  private isRepeat({ accepted }: StoredCallback, { scheme }: AcceptedSignature): boolean {
    const age = this.clock.now().getTime() - Date.parse(accepted.metadata.recordedAt);
    return scheme === 'native' || age < LEGACY_REPEAT_MS;
  }

  private async again(context: CommandContext, stored: StoredCallback, bodyDigest: string): Promise<CallbackAnswer> {
    if (stored.accepted.data.bodyDigest !== bodyDigest) {
      throw conflict('webhook-id already used with different content');
    }
    return this.answered(context, stored, true);
  }

  private async answered(context: CommandContext, stored: StoredCallback, duplicate: boolean): Promise<CallbackAnswer> {
    const { accepted } = stored;
    const { result, position } =
      stored.result === undefined
        ? await this.effect.apply(context, accepted)
        : { result: stored.result.data, position: stored.result.position };
    return { accepted: accepted.data, acceptedId: accepted.id, result, duplicate, position };
  }

  private async reportIn({ workspaceId, agent, signature, body }: SignedCallback): Promise<CallbackReport> {
    if (body.length === 0 || body.subarray(0, 3).equals(BYTE_ORDER_MARK)) throw notJson();
    const parsed = parseCallback(parseJson(body), signature.scheme === 'legacy');
    switch (parsed.kind) {
      case 'invalid':
        throw invalid(parsed.details);
      case 'report':
        return parsed.report;
      case 'only_task': {
        const [only, ...others] = await this.openTasks.of(workspaceId, agent);
        if (only === undefined) throw notFound('Task not found');
        if (others.length > 0) throw conflict('Name the task');
        return { ...parsed.report, taskId: only };
      }
    }
  }

  /** Decides without writing: a refusal spends nothing. */
  private async assertPossible(workspaceId: number, data: CallbackAccepted['data']): Promise<void> {
    const { taskId } = data.report;
    if (taskId === null) return;
    const known = await this.tasks.refresh(workspaceId, taskId);
    if (known === undefined) throw notFound('Task not found');
    const decision = taskDecider.decide(reportOn(data), known.task);
    if (decision.kind === 'accepted') return;
    throw decision.refusal.kind === 'NotYours' ? notFound('Task not found') : refusalOf(decision.refusal);
  }

  private contextOf(
    { correlationId, traceparent }: CallbackRequest,
    { workspaceId, agent }: SignedCallback,
  ): CommandContext {
    return {
      commandId: this.ids.newId(),
      keyed: false,
      workspaceId,
      correlationId,
      ...(traceparent === undefined ? {} : { traceparent }),
      actor: actorOf({ agentId: agent.agentId, agentName: agent.name } as CallbackAccepted['data']),
      receivedAt: this.clock.now(),
    };
  }

  private systemContext(
    workspaceId: number,
    correlationId: string,
    { data }: StoredEvent<CallbackAccepted>,
  ): CommandContext {
    const commandId = this.ids.newId();
    return { commandId, keyed: false, workspaceId, correlationId, actor: actorOf(data), receivedAt: this.clock.now() };
  }
}

export const badSignature = () => new Refusal(401, 'Invalid signature');
