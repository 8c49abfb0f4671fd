import { Agent, type ClientRequestArgs } from 'node:http';
import { connect as plainConnect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { EgressCheck, EgressRefusal, EgressTarget } from './egress-target.js';

/** Shorter than what receivers usually leave an idle connection open for, so that a call seldom meets one being closed. */
const IDLE_MS = 1_000;
/** A name is resolved again so often, however busy its connection is. */
const LONGEST_LIFE_MS = 30_000;

/** The target may not be called: no connection was made. */
export class TargetRefused extends Error {
  constructor(readonly reason: EgressRefusal) {
    super(reason);
  }
}

/**
 * Connections to one origin for one user of the egress. The guard sits where a connection is made: none comes to be whose
 * address was not checked for it, and exactly that address is dialled.
 */
export class GuardedAgent extends Agent {
  readonly origin: string;
  /** `node:http` compares it with the protocol of the request. */
  readonly protocol: string;
  private readonly madeAt = new WeakMap<Duplex, number>();

  constructor(
    { origin, protocol }: URL,
    private readonly check: () => Promise<EgressCheck>,
  ) {
    super({ keepAlive: true, timeout: IDLE_MS });
    this.origin = origin;
    this.protocol = protocol;
  }

  /** Called by `node:http` when no idle connection is there. */
  override createConnection(_: ClientRequestArgs, callback?: (error: Error | null, socket: Duplex) => void): undefined {
    // Node takes an error without a socket, whatever its type says.
    const hand = callback as ((error: Error | null, socket?: Duplex) => void) | undefined;
    this.check().then(
      (checked) => {
        if (checked.kind === 'refused') hand?.(new TargetRefused(checked.reason));
        else hand?.(null, this.dial(checked.target));
      },
      (error: unknown) => hand?.(error instanceof Error ? error : new Error(String(error))),
    );
    return undefined;
  }

  /** Called by `node:http` when a call has ended and left its connection whole. False: it is closed. */
  override keepSocketAlive(socket: Duplex): boolean {
    const age = performance.now() - (this.madeAt.get(socket) ?? -Infinity);
    if (age >= LONGEST_LIFE_MS) return false;
    const isKept: unknown = super.keepSocketAlive(socket);
    return isKept !== false;
  }

  private dial({ url, address, port, name }: EgressTarget): Socket {
    const socket =
      url.protocol === 'https:'
        ? tlsConnect({ host: address, port, ...(name === undefined ? {} : { servername: name }) })
        : plainConnect({ host: address, port });
    this.madeAt.set(socket, performance.now());
    return socket.setNoDelay(true);
  }
}
