import { setTimeout as pause } from 'node:timers/promises';
import { AgentDirectory } from '../agents/agent-directory.js';
import { CredentialStatus } from '../platform/auth/credential-status.js';
import { KeyDirectory, principalOf, type KeyRecord } from '../platform/auth/key-directory.js';
import type { Principal } from '../platform/auth/principal.js';
import type { Clock } from '../platform/clock/clock.js';
import type { EnvironmentKey } from '../platform/config/config.js';
import { unavailable } from '../platform/http/errors.js';
import { credentialIdOf, isActive, keyIdIn, type IssuedKey } from './issued-key.js';
import type { KeyRing } from './key-ring.js';
import type { KeyUses } from './key-uses.js';

/** How long a request waits for the log to tell whether its key counts. */
const ANSWER_WITHIN_MS = 2_000;

export interface KnownKeysPorts {
  readonly ring: KeyRing;
  readonly agents: AgentDirectory;
  readonly clock: Clock;
  readonly uses: KeyUses;
}

/**
 * The keys of the environment and the issued ones. Those of the environment stand for as long as the process lives. An
 * issued key counts while its events say so, and an agent's key only while its agent is there, whatever was written about
 * the key: the agent's own stream is asked once, and the tail tells of the rest.
 *
 * While the tail is not live the stream of keys is read again for each request (shared within half a second); when the
 * log does not answer, reads go on for a minute with keys that are known, and everything else is 503, not 401.
 */
export class KnownKeys extends KeyDirectory implements CredentialStatus {
  private readonly environment: ReadonlyMap<string, KeyRecord>;
  private readonly environmentIds: ReadonlySet<string>;
  private readonly records = new WeakMap<IssuedKey, KeyRecord>();

  constructor(
    keys: readonly EnvironmentKey[],
    private readonly ports: KnownKeysPorts,
  ) {
    super();
    this.environment = new Map(keys.map((key) => [key.hash, { principal: principalOf(key) }]));
    this.environmentIds = new Set(keys.map(({ id }) => id));
  }

  override find(hash: string, isRead: boolean): KeyRecord | undefined | Promise<KeyRecord | undefined> {
    const own = this.environment.get(hash);
    if (own !== undefined) return this.noted(own);
    const { ring } = this.ports;
    return ring.isCurrent() ? this.judged(ring.find(hash), isRead) : this.findAnew(hash, isRead);
  }

  async isActive(principal: Principal): Promise<boolean> {
    const { credentialId } = principal;
    if (this.environmentIds.has(credentialId)) return true;
    const keyId = keyIdIn(credentialId);
    if (keyId === undefined) return false;
    const { ring } = this.ports;
    if (!ring.isCurrent()) await withinBound(ring.refresh());
    const key = ring.byId(keyId);
    return key !== undefined && (await this.recordOf(key, false)) !== undefined;
  }

  onEnded(listener: (credentialId: string) => void): () => void {
    return this.ports.ring.onEnded(listener);
  }

  private async findAnew(hash: string, isRead: boolean): Promise<KeyRecord | undefined> {
    const { ring } = this.ports;
    try {
      await withinBound(ring.refresh());
    } catch {
      const known = ring.find(hash);
      if (known === undefined || !isRead || !ring.wasCurrentRecently()) throw cannotTell();
    }
    return this.judged(ring.find(hash), isRead);
  }

  private judged(key: IssuedKey | undefined, isRead: boolean): KeyRecord | undefined | Promise<KeyRecord | undefined> {
    if (key === undefined) return undefined;
    const record = this.recordOf(key, isRead);
    return record instanceof Promise
      ? record.then((found) => found && this.noted(found))
      : record && this.noted(record);
  }

  private recordOf(key: IssuedKey, isRead: boolean): KeyRecord | undefined | Promise<KeyRecord | undefined> {
    if (!isActive(key, this.ports.clock.now())) return undefined;
    if (key.agentId === null) return this.recordFor(key, null);
    const agent = this.ports.agents.known(key.workspaceId, key.agentId);
    if (agent === undefined) return this.recordOfUnseenAgent(key, key.agentId, isRead);
    return agent.kind === 'active' ? this.recordFor(key, agent.name) : undefined;
  }

  /** Not asked yet in this process, or memory cannot be trusted now. */
  private async recordOfUnseenAgent(key: IssuedKey, agentId: number, isRead: boolean): Promise<KeyRecord | undefined> {
    const { agents, ring } = this.ports;
    try {
      const agent = await withinBound(agents.byId(key.workspaceId, agentId));
      return agent?.kind === 'active' ? this.recordFor(key, agent.name) : undefined;
    } catch {
      if (isRead && ring.wasCurrentRecently()) return this.recordFor(key, key.agentName);
      throw cannotTell();
    }
  }

  private recordFor(key: IssuedKey, agentName: string | null): KeyRecord {
    const known = this.records.get(key);
    if (known !== undefined && (known.agentName ?? null) === agentName) return known;
    const record = keyRecord(key, agentName);
    this.records.set(key, record);
    return record;
  }

  private noted(record: KeyRecord): KeyRecord {
    this.ports.uses.note(record.principal.credentialId);
    return record;
  }
}

function keyRecord(key: IssuedKey, agentName: string | null): KeyRecord {
  const { keyId, role, scopes, workspaceId, expiresAt, agentId } = key;
  const credentialId = credentialIdOf(keyId);
  const shared = {
    credentialId,
    via: 'header' as const,
    role,
    scopes,
    workspaceId,
    ...(expiresAt === null ? {} : { expiresAt }),
  };
  if (agentId === null || agentName === null) {
    return { principal: { ...shared, actor: { kind: 'key', id: credentialId, name: key.name } } };
  }
  const actor = { kind: 'agent', id: String(agentId), name: agentName } as const;
  return { agentName, principal: { ...shared, agentId, actor } };
}

function cannotTell() {
  return unavailable('Keys cannot be checked now');
}

async function withinBound<T>(answer: Promise<T>): Promise<T> {
  const abort = new AbortController();
  const late = pause(ANSWER_WITHIN_MS, undefined, { signal: abort.signal }).then(() => {
    throw cannotTell();
  });
  late.catch(() => {});
  try {
    return await Promise.race([answer, late]);
  } finally {
    abort.abort();
    answer.catch(() => {});
  }
}
