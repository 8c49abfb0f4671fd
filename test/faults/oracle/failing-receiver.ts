import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Random } from '../random.js';

/** How a path fails: three calls in ten, whatever the bound on one message takes away. */
interface Failing {
  readonly chance: number;
  /** Less than the schedule has attempts: none may die here. */
  readonly most: number;
}
const PLAIN: Failing = { chance: 0.3, most: 5 };
/** Of strict order, where whoever fails again and again holds up everybody. */
const ONCE: Failing = { chance: 3 / 7, most: 1 };

/** What one endpoint was told. */
export class Told {
  /** Ids of facts, in the order in which they were first told, whatever was answered. */
  readonly order: string[] = [];
  /** Fact to `webhook-id`s and digests of bodies. */
  readonly identities = new Map<string, Set<string>>();
  /** Fact to how often it was taken. */
  readonly taken = new Map<string, number>();
  failures = 0;

  get repeats(): number {
    return [...this.taken.values()].reduce((sum, times) => sum + times - 1, 0);
  }

  note(fact: string, identity: string): void {
    const known = this.identities.get(fact);
    if (known !== undefined) {
      known.add(identity);
      return;
    }
    this.identities.set(fact, new Set([identity]));
    this.order.push(fact);
  }
}

/** A receiver that answers three calls in ten with an error or not at all, and keeps book by path. */
export class FailingReceiver {
  private readonly told = new Map<string, Told>();
  private readonly failures = new Map<string, number>();
  private readonly server: Server;

  private constructor(private readonly random: Random) {
    this.server = createServer((request, response) => this.receive(request, response));
  }

  static async start(random: Random): Promise<FailingReceiver> {
    const receiver = new FailingReceiver(random);
    await new Promise<void>((resolve) => {
      receiver.server.listen(0, '127.0.0.1', resolve);
    });
    return receiver;
  }

  urlOf(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${path}`;
  }

  /** How often it was called. */
  calls = 0;

  toldAt(path: string): Told {
    const known = this.told.get(`/${path}`) ?? new Told();
    this.told.set(`/${path}`, known);
    return known;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  private receive(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      this.calls += 1;
      const body = Buffer.concat(chunks);
      const path = (request.url ?? '').slice(1);
      const told = this.toldAt(path);
      const { id } = JSON.parse(body.toString('utf8')) as { id: string };
      const digest = createHash('sha256').update(body).digest('hex');
      told.note(id, `${String(request.headers['webhook-id'])} ${digest}`);
      if (this.fails(`${path} ${id}`, path === 'strict' ? ONCE : PLAIN)) {
        told.failures += 1;
        if (this.random.chance(0.3)) response.destroy();
        else response.writeHead(this.random.pick([500, 503, 404])).end('no');
        return;
      }
      told.taken.set(id, (told.taken.get(id) ?? 0) + 1);
      response.writeHead(204).end();
    });
  }

  private fails(message: string, { chance, most }: Failing): boolean {
    const before = this.failures.get(message) ?? 0;
    if (before >= most || !this.random.chance(chance)) return false;
    this.failures.set(message, before + 1);
    return true;
  }
}
