import type { ServerWritableStream, ServiceError } from '@grpc/grpc-js';
import type { CommitSignals } from '../reader/commit-signals.js';
import type { ReadReq } from '../wire/request-messages.js';
import { cancelled } from '../wire/grpc-errors.js';
import type { NodeContext, OpenCall } from './node-context.js';

/** The sending side of one read: honours back-pressure, and knows when nobody listens any more. */
export class Outlet implements OpenCall {
  private isOver = false;
  private wakeSleeper: (() => void) | undefined;

  constructor(
    private readonly node: NodeContext,
    private readonly call: ServerWritableStream<ReadReq, Buffer>,
  ) {
    node.openCalls.add(this);
    call.on('cancelled', () => this.close());
    call.on('close', () => this.close());
    call.on('error', () => this.close());
    call.on('drain', () => this.wake());
  }

  get isClosed(): boolean {
    return this.isOver;
  }

  /** Sends one message. When it answers false, wait for `drained` before sending more. */
  send(answer: Buffer): boolean {
    return this.isOver || this.call.write(answer);
  }

  /** Resolves when the client has taken enough to send more, or is gone. */
  async drained(): Promise<void> {
    while (!this.isOver && this.call.writableNeedDrain) await this.sleep();
  }

  /** Resolves at the next commit that matters (see CommitSignals), or when the client is gone. */
  async committed(
    subscribe: (signals: CommitSignals, wake: () => void) => () => void,
    isNew: () => boolean,
  ): Promise<void> {
    const unsubscribe = subscribe(this.node.signals, () => this.wake());
    try {
      while (!this.isOver && !isNew()) await this.sleep();
    } finally {
      unsubscribe();
    }
  }

  end(): void {
    if (this.isOver) return;
    this.close();
    this.call.end();
  }

  abort(error: ServiceError = cancelled('The node stops.')): void {
    if (this.isOver) return;
    this.close();
    this.call.emit('error', error);
  }

  private close(): void {
    this.isOver = true;
    this.node.openCalls.delete(this);
    this.wake();
  }

  private wake(): void {
    const wake = this.wakeSleeper;
    this.wakeSleeper = undefined;
    wake?.();
  }

  private async sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.wakeSleeper = resolve;
    });
  }
}
