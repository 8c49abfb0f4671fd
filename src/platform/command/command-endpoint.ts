import { Injectable, Optional } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Clock } from '../clock/clock.js';
import { EventStore } from '../event-store/event-store.js';
import { LogGeneration } from '../event-store/log-generation.js';
import { logEnd } from '../event-store/log-end.js';
import type { Position } from '../event-store/position.js';
import { positionText } from '../event-store/position-text.js';
import type { Actor, Json } from '../event-store/stored-event.js';
import { badRequest } from '../http/errors.js';
import type { Caller } from '../http/request-context.js';
import { Ids, derivedId } from '../ids/ids.js';
import { LogTail } from '../log-tail/log-tail.js';
import { ReadModelProgress, type ProjectionName } from '../read-models/consistency.js';
import { CausedFacts, type CausingFact } from './caused-facts.js';
import { digestOf, type CommandContext } from './command-context.js';
import { Idempotency, type CommandAnswer } from './idempotency.js';

/** How long an answer waits for its own effect altogether. */
const SETTLE_MS = 2_000;

const KEY_SHAPE = /^[\x21-\x7e]{1,200}$/;

/** What a route tells the endpoint about its command. */
export interface CommandRoute {
  /** Scope of the idempotency key, e.g. `POST /api/connect`. */
  readonly route: string;
  /** Read models that show the command's effect: the answer waits for them. */
  readonly shownBy: readonly ProjectionName[];
  readonly body: unknown;
  /**
   * Adds to the answer what must not be kept with it: a secret. Called for the first answer and for every repeat, after
   * the answer was stored without it.
   */
  readonly reveal?: (context: CommandContext, kept: Json) => Json | Promise<Json>;
}

/** The one way from an HTTP request to a command and back: keys, headers, and the wait for one's own writes. */
@Injectable()
export class CommandEndpoint {
  constructor(
    private readonly idempotency: Idempotency,
    private readonly progress: ReadModelProgress,
    private readonly generation: LogGeneration,
    private readonly store: EventStore,
    private readonly ids: Ids,
    private readonly clock: Clock,
    @Optional() private readonly caused?: CausedFacts,
    @Optional() private readonly tail?: LogTail,
  ) {}

  /** The envelope of a request's command. Errors: 400 for a malformed `Idempotency-Key`. */
  contextOf(request: FastifyRequest, caller: Caller, route: string, body: unknown): CommandContext {
    const key = idempotencyKeyOf(request);
    const { principal } = caller;
    const scope = [principal.workspaceId, principal.credentialId, route] as const;
    return {
      commandId: key === undefined ? this.ids.newId() : derivedId('command', ...scope, key),
      keyed: key !== undefined,
      ...(key === undefined ? {} : { bodyDigest: digestOf([request.url, body]) }),
      workspaceId: principal.workspaceId,
      correlationId: caller.correlationId,
      ...(caller.traceparent === undefined ? {} : { traceparent: caller.traceparent }),
      actor: principal.actor,
      receivedAt: this.clock.now(),
    };
  }

  /** Runs the command once per key, waits until its effect shows, and writes status and headers. Resolves to the body. */
  async handle(
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller,
    { route, shownBy, body, reveal }: CommandRoute,
    run: (context: CommandContext) => Promise<CommandAnswer>,
  ): Promise<Json> {
    const context = this.contextOf(request, caller, route, body);
    let causes: readonly CausingFact[] | undefined;
    const answer = await this.idempotency.once(context, route, async () => {
      const own = await run(context);
      causes = own.causes;
      return own;
    });
    if (answer.replayed === true && context.keyed) reply.header('idempotent-replayed', 'true');
    await this.settle(request, reply, answer.position, shownBy, causes && { causes, actor: context.actor });
    reply.status(answer.status);
    return reveal === undefined ? answer.body : reveal(context, answer.body);
  }

  /**
   * Writes `x-mc-position` and waits (bounded) until the read models show it, unless the caller prefers not to. Without a
   * position of its own (a copy, a goal that already held) the effect lies somewhere before the head of the log. What
   * reactors record because of the command's events belongs to the effect, and is waited for within the same bound.
   */
  async settle(
    request: FastifyRequest,
    reply: FastifyReply,
    own: Position | undefined,
    shownBy: readonly ProjectionName[],
    consequences?: { readonly causes: readonly CausingFact[]; readonly actor: Actor },
  ): Promise<void> {
    const position = own ?? (await logEnd(this.store));
    reply.header('x-mc-position', positionText(position, this.generation.current));
    if (prefersAsync(request)) {
      reply.header('preference-applied', 'respond-async');
      return;
    }
    const shown = await Promise.all([
      shownBy.length === 0 || this.shows(shownBy, position, SETTLE_MS),
      consequences === undefined || this.consequencesShow(consequences.causes, consequences.actor),
    ]);
    if (shown.includes(false)) reply.header('x-mc-consistency', 'eventual');
  }

  private async consequencesShow(causes: readonly CausingFact[], actor: Actor): Promise<boolean> {
    if (this.caused === undefined || causes.length === 0) return true;
    const until = performance.now() + SETTLE_MS;
    const recorded = await this.caused.recorded(causes, actor, SETTLE_MS);
    if (recorded === 'none') return true;
    if (recorded === 'late') return false;
    return this.shows(this.caused.shownBy, recorded, Math.max(0, until - performance.now()));
  }

  /** In the read models, and in what this process keeps by following the log. */
  private async shows(shownBy: readonly ProjectionName[], position: Position, timeoutMs: number): Promise<boolean> {
    const until = performance.now() + timeoutMs;
    if (!(await this.progress.waitFor(shownBy, position, timeoutMs))) return false;
    return (await this.tail?.waitFor(position, Math.max(0, until - performance.now()))) ?? true;
  }
}

/** The caller's `Idempotency-Key`, 1-200 visible ASCII characters. */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY_SHAPE.test(key)) {
    throw badRequest('Invalid Idempotency-Key. Expected 1 to 200 visible ASCII characters.');
  }
  return key;
}

function prefersAsync(request: FastifyRequest): boolean {
  const prefer = request.headers['prefer'];
  return typeof prefer === 'string' && /(^|[\s,;])respond-async($|[\s,;])/i.test(prefer);
}
