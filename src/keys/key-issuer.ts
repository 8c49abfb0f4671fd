import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CommandContext } from '../platform/command/command-context.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { conflict } from '../platform/http/errors.js';
import type { Caller } from '../platform/http/request-context.js';
import { KeyMint, type KeyPrefix, type MintedKey } from './key-mint.js';
import { KeyRing } from './key-ring.js';
import type { KeyEffect } from './keyring.commands.js';

export interface Issuing {
  readonly route: string;
  readonly status: 200 | 201;
  readonly body: unknown;
  readonly prefix: KeyPrefix;
  readonly issue: (context: CommandContext, minted: MintedKey) => Promise<KeyEffect>;
  /** What is answered and, under an `Idempotency-Key`, kept. The key itself is added afterwards. */
  readonly answer: (effect: KeyEffect) => { readonly [field: string]: Json };
  /** The field that shows the key. */
  readonly field: 'api_key' | 'key';
}

/** A request that ends with a key in its answer, and nowhere else. */
@Injectable()
export class KeyIssuer {
  constructor(
    private readonly endpoint: CommandEndpoint,
    private readonly mint: KeyMint,
    private readonly ring: KeyRing,
  ) {}

  /** Errors: 409 when a repeat can no longer be answered, because the master key of the first is gone. */
  handle(
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller,
    { route, status, body, prefix, issue, answer, field }: Issuing,
  ): Promise<Json> {
    let fresh: string | undefined;
    const reveal = async (context: CommandContext, kept: Json): Promise<Json> => {
      const { keyId, shown } = kept as unknown as Kept;
      const key = fresh ?? (await this.keyOfEarlier(context, prefix, keyId));
      if (key === undefined) throw conflict('The key was shown before and cannot be shown again');
      return { ...shown, [field]: key };
    };
    return this.endpoint.handle(request, reply, caller, { route, shownBy: ['keys'], body, reveal }, async (context) => {
      const minted = this.mint.mint(context, prefix);
      const effect = await issue(context, minted);
      if (effect.key.hash === minted.hash) fresh = minted.key;
      const kept: Kept = { keyId: effect.key.keyId, shown: answer(effect) };
      return { status, body: { ...kept }, position: effect.position, replayed: effect.replayed };
    });
  }

  private async keyOfEarlier(context: CommandContext, prefix: KeyPrefix, keyId: number): Promise<string | undefined> {
    if (this.ring.byId(keyId) === undefined) await this.ring.refresh();
    const issued = this.ring.byId(keyId);
    return issued && this.mint.mintedBefore(context, prefix, issued.hash);
  }
}

/** What an `Idempotency-Key` keeps of the answer: everything but the key. */
interface Kept {
  readonly keyId: number;
  readonly shown: { readonly [field: string]: Json };
}
