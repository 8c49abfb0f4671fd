import { systemContext } from '../../platform/command/command-context.js';
import type { DisabledReason } from '../webhooks.events.js';
import { DISABLED_AFTER_SECONDS, TOLD_AFTER_SECONDS } from '../retry-schedule.js';
import type { WebhookCommand } from '../webhook.decider.js';
import type { DispatchTools } from './dispatch-tools.js';
import type { EndpointView } from './endpoint-view.js';

const NAME = 'webhooks';

/** How long an endpoint has answered nothing but failures, and what follows from it. One success begins anew. */
export class EndpointHealth {
  private failingSince: number | undefined;
  private noting = false;
  /** Known here before the log says it to us. */
  private disabledHere = false;

  constructor(
    private readonly view: EndpointView,
    private readonly tools: DispatchTools,
  ) {
    this.viewChanged();
  }

  get isSending(): boolean {
    return this.view.state.enabled && !this.disabledHere;
  }

  /** The log said something of the endpoint. */
  viewChanged(): void {
    const { enabled, failingSince } = this.view.state;
    if (!enabled) this.disabledHere = false;
    if (failingSince !== null) this.failingSince = Math.min(this.failingSince ?? Infinity, Date.parse(failingSince));
    else if (!enabled) this.failingSince = undefined;
  }

  succeeded(): void {
    this.failingSince = undefined;
    if (this.view.state.failingSince !== null) this.note({ type: 'NoteRecovered' });
  }

  failed(): void {
    const now = this.tools.clock.now().getTime();
    this.failingSince ??= now;
    const seconds = (now - this.failingSince) / 1_000 / this.tools.factor;
    if (seconds >= DISABLED_AFTER_SECONDS) this.disable('failing');
    else if (seconds >= TOLD_AFTER_SECONDS && this.view.state.failingSince === null) {
      this.note({ type: 'NoteFailing', since: new Date(this.failingSince).toISOString() });
    }
  }

  disable(reason: DisabledReason): void {
    if (!this.isSending) return;
    this.disabledHere = true;
    this.failingSince = undefined;
    this.execute({ type: 'Disable', reason }, () => {
      // Not written: the next failure tries again.
      this.disabledHere = false;
    });
  }

  private note(command: { readonly type: 'NoteRecovered' } | { readonly type: 'NoteFailing'; readonly since: string }) {
    if (this.noting) return;
    this.noting = true;
    this.execute(command, () => {
      this.noting = false;
    });
  }

  private execute(
    command:
      | { readonly type: 'NoteRecovered' }
      | { readonly type: 'NoteFailing'; readonly since: string }
      | { readonly type: 'Disable'; readonly reason: DisabledReason },
    onError: () => void,
  ): void {
    const { writer, ids, clock, logger } = this.tools;
    const { webhookId, workspaceId } = this.view;
    const context = systemContext(NAME, workspaceId, ids.newId(), ids.newId(), clock.now());
    const full: WebhookCommand = { ...command, webhookId };
    writer.execute(context, full).then(
      () => {
        this.noting = false;
      },
      (error: unknown) => {
        logger.warn({ err: error, webhookId, command: command.type }, 'the state of a webhook was not written');
        onError();
      },
    );
  }
}
