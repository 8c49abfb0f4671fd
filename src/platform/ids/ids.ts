import { randomUUID } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';

/** Root of all derived ids of Mission Control. Stored ids depend on it: it never changes. */
const NAMESPACE = '6f2d1c1e-8a45-5b0c-9a77-3a1f6f1f3c55';

/** UUIDv5 of the parts, each length-prefixed so that ("ab","c") and ("a","bc") differ. */
export function derivedId(purpose: string, ...parts: readonly (string | number | bigint)[]): string {
  const name = [purpose, ...parts].map((part) => `${String(part).length}:${String(part)}`).join('');
  return uuidv5(name, NAMESPACE);
}

/** Event id of the `index`-th event of a command: a repeated append carries the same ids. */
export function eventIdOf(commandId: string, index: number): string {
  return derivedId('event', commandId, index);
}

/** Random ids as a dependency. */
export abstract class Ids {
  abstract newId(): string;
}

export class RandomIds extends Ids {
  newId(): string {
    return randomUUID();
  }
}
