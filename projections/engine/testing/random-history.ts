import { agentStatuses } from '../../../src/agents/agents.events.js';
import { idOf, type Written } from './log-of.js';
import { randomTaskStep, TaskHistory } from './task-history.js';

const EPOCH = Date.parse('2026-01-01T00:00:00.000Z');

/** A plausible history of agents, connections, beats, summaries, reports, tasks and notifications: the same for the same start value. */
export function randomHistory(start: number, events: number): readonly Written[] {
  return new History(start).take(events);
}

class History {
  private readonly written: Written[] = [];
  private readonly agents: { id: number; epoch: number; connection: string | null }[] = [];
  private readonly tasks = new TaskHistory();
  private reports = 0;
  private notifications = 0;
  private state: number;

  constructor(start: number) {
    this.state = start;
  }

  take(events: number): readonly Written[] {
    while (this.written.length < events) this.step();
    return this.written.slice(0, events);
  }

  private step(): void {
    const what = this.random(100);
    if (this.agents.length === 0 || what < 2) return this.register();
    const agent = this.agents[this.random(this.agents.length)];
    if (agent === undefined) return;
    if (what < 8) return this.connect(agent);
    if (what < 11 && agent.connection !== null) return this.close(agent, 'client');
    if (what < 15) return this.rename(agent.id);
    if (what < 20) return this.configure(agent.id);
    if (what < 27) return this.setStatus(agent.id);
    if (what < 29 && agent.connection !== null) return this.summarise(agent.id, agent.connection);
    if (what < 50) return this.beat(agent);
    if (what < 70) return this.work();
    if (what < 80) return this.notify(agent.id);
    this.report(agent.id);
  }

  private register(): void {
    const id = this.agents.length + 1;
    this.agents.push({ id, epoch: 0, connection: null });
    const profile = { role: 'cli', sessionKey: `key "${id}"`, soulContent: null, config: { id }, runtimeType: null };
    this.write(`agent-${id}`, 'AgentRegistered', {
      agentId: id,
      name: `agent ${id}`,
      status: 'online',
      source: 'connect',
      profile,
    });
  }

  private connect(agent: { id: number; epoch: number; connection: string | null }): void {
    if (agent.connection !== null) this.close(agent, 'superseded');
    agent.epoch += 1;
    agent.connection = idOf(`connection ${agent.id} ${agent.epoch}`);
    this.write(`agent-${agent.id}`, 'ConnectionOpened', {
      connectionId: agent.connection,
      agentId: agent.id,
      agentName: `agent ${agent.id}`,
      toolName: 'codex',
      toolVersion: null,
      epoch: agent.epoch,
      metadata: { epoch: agent.epoch },
    });
  }

  private close(agent: { id: number; epoch: number; connection: string | null }, reason: string): void {
    const { id, epoch, connection } = agent;
    this.write(`agent-${id}`, 'ConnectionClosed', {
      connectionId: connection,
      agentId: id,
      agentName: `agent ${id}`,
      epoch,
      reason,
    });
    agent.connection = null;
  }

  private rename(agentId: number): void {
    const name = `agent ${agentId}, ${this.random(9)}`;
    this.write(`agent-${agentId}`, 'AgentRenamed', { agentId, name, previousName: `agent ${agentId}` });
  }

  private configure(agentId: number): void {
    const changes = [
      { role: `role ${this.random(5)}` },
      { sessionKey: null },
      { soulContent: 'a\\b' },
      { config: { n: this.random(5) } },
      { lastActivity: `step ${this.random(50)}` },
    ][this.random(5)];
    this.write(`agent-${agentId}`, 'AgentReconfigured', { agentId, name: `agent ${agentId}`, changes });
  }

  private setStatus(agentId: number): void {
    this.write(`agent-${agentId}`, 'AgentStatusChanged', {
      agentId,
      name: `agent ${agentId}`,
      status: agentStatuses[this.random(agentStatuses.length)],
      previousStatus: 'online',
      reason: 'set',
    });
  }

  private summarise(agentId: number, connectionId: string): void {
    const to = this.now();
    this.write(`connection-${connectionId}`, 'HeartbeatsSummarised', {
      connectionId,
      agentId,
      from: to,
      to,
      count: 1,
      largestGapMs: 0,
      digest: '0'.repeat(64),
      final: false,
    });
  }

  private beat(agent: { id: number; epoch: number; connection: string | null }): void {
    this.write(`heartbeat-${agent.id % 16}`, 'HeartbeatReceived', {
      agentId: agent.id,
      connectionId: agent.connection,
      epoch: agent.connection === null ? null : agent.epoch,
    });
  }

  private work(): void {
    const before = this.tasks.written.length;
    randomTaskStep(this.tasks, (below) => this.random(below));
    for (const { stream, type, data } of this.tasks.written.slice(before)) this.write(stream, type, data);
  }

  /** Raises a notification, or marks some of the earlier ones, marked or not. */
  private notify(agentId: number): void {
    const recipient = { recipient: `agent ${agentId}`, recipientAgentId: this.random(4) === 0 ? null : agentId };
    const mark = ['NotificationsRead', 'NotificationsDelivered', 'NotificationsDeleted'][this.random(6)];
    if (mark !== undefined && this.notifications > 0) {
      const ids = [1 + this.random(this.notifications), 1 + this.random(this.notifications)];
      this.write(`inbox-${idOf(recipient.recipient)}`, mark, { ...recipient, ids });
      return;
    }
    this.notifications += 1;
    const uuid = idOf(`notification ${this.notifications}`);
    this.write(`notification-${uuid}`, 'NotificationRaised', {
      notificationId: this.notifications,
      uuid,
      ...recipient,
      type: 'comment',
      title: 'New comment',
      message: `"quoted" \\ ${this.notifications}`,
      sourceType: 'comment',
      sourceId: 3,
      taskId: 1,
      commentId: 3,
      author: 'ops',
      excerpt: null,
      taskTitle: 'a task',
    });
  }

  /** Some reports are told twice: the ledger must not care. */
  private report(agentId: number): void {
    const number = this.random(10) === 0 ? this.random(this.reports + 1) : this.reports++;
    this.write(`usage-${number % 16}`, 'TokenUsageReported', {
      id: idOf(`report ${number}`),
      eventId: `report ${number}`,
      model: `model ${number % 5}`,
      sessionId: `agent ${agentId}:${number % 3}`,
      agentName: `agent ${agentId}`,
      agentId,
      operation: 'chat_completion',
      timestamp: EPOCH + number * 3_600_000,
      taskId: null,
      inputTokens: number,
      outputTokens: 1,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      contentDigest: 'd',
    });
  }

  private write(stream: string, type: string, data: object): void {
    this.written.push({ stream, type, data, recordedAt: this.now() });
  }

  private now(): string {
    return new Date(EPOCH + this.written.length * 7_000).toISOString();
  }

  /** mulberry32: small, seeded, good enough to mix a history. */
  private random(below: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }
}
