import { defineProjection } from '../engine/projection.js';
import { foldCallbacks, type CallbacksChanges, type CallbacksEvent } from './callbacks.fold.js';
import { callbacksTables } from './callbacks.tables.js';
import { writeCallbacks } from './callbacks.writer.js';

export const callbacks = defineProjection<CallbacksEvent, CallbacksChanges>({
  name: 'callbacks',
  policy: 'park-key',
  handles: [
    'CallbackAccepted',
    'CallbackApplied',
    'CallbackOverruled',
    'CallbackSecretIssued',
    'CallbackSecretEnded',
    'LegacyCallbacksAllowed',
    'LegacyCallbacksForbidden',
  ],
  tables: callbacksTables,
  keyOf: (entry) => entry.stream,
  fold: foldCallbacks,
  write: writeCallbacks,
});
