/** What other folders may know of the engine. */
export { PROGRESS_CHANNEL, parseProgress, type Checkpoint, type Progress } from './checkpoint.js';
export { type Connect, connector, closeQuietly, withClient } from './database.js';
export { ProjectionEngine, type EngineOptions, type EngineStatus } from './engine.js';
export { lagEvents } from './lag.js';
export { migrate, type Migration } from './migrations.js';
export { isTransient, type SqlReader } from './sql.js';
export { storedStatus, type StoredStatus } from './status.js';
