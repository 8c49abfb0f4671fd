export { startNode, type EventStoreNode, type NodeOptions } from './node.js';
export type { Health } from './health.js';
