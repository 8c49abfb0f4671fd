/** How the node is: `degraded` still serves what it can, `failed` has stopped itself. */
export type Health = { readonly status: 'ok' } | { readonly status: 'degraded' | 'failed'; readonly reason: string };

/** The health of a node, and who wants to know when it changes. */
export class HealthState {
  private diskFull: string | undefined;
  private damage: string | undefined;
  private failure: string | undefined;
  private reported: string = 'ok';

  constructor(private readonly changed: (health: Health) => void) {}

  get current(): Health {
    if (this.failure !== undefined) return { status: 'failed', reason: this.failure };
    const reason = this.damage ?? this.diskFull;
    return reason === undefined ? { status: 'ok' } : { status: 'degraded', reason };
  }

  /** The disk took a commit: a full disk is over. Damage is not. */
  wrote(): void {
    if (this.diskFull === undefined) return;
    this.diskFull = undefined;
    this.report();
  }

  diskIsFull(reason: string): void {
    this.diskFull = reason;
    this.report();
  }

  isDamaged(reason: string): void {
    this.damage ??= reason;
    this.report();
  }

  hasFailed(reason: string): void {
    this.failure ??= reason;
    this.report();
  }

  private report(): void {
    const { current } = this;
    const text = JSON.stringify(current);
    if (text === this.reported) return;
    this.reported = text;
    this.changed(current);
  }
}
