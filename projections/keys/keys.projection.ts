import { isReadable } from '../../src/platform/event-store/event-store.js';
import { defineProjection } from '../engine/projection.js';
import { foldKeys, type KeysChanges, type KeysEvent } from './keys.fold.js';
import { keysTables } from './keys.tables.js';
import { writeKeys } from './keys.writer.js';

export const keys = defineProjection<KeysEvent, KeysChanges>({
  name: 'keys',
  policy: 'park-key',
  handles: ['KeyIssued', 'KeyRevoked', 'KeysUsed'],
  tables: keysTables,
  // All keys lie in one stream: one that cannot be shown must not hold up the others.
  keyOf: (entry) => (isReadable(entry) && 'keyId' in entry.data ? `key-${String(entry.data.keyId)}` : entry.stream),
  fold: foldKeys,
  write: writeKeys,
});
