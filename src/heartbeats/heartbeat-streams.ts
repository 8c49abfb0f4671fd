/** How many streams raw beats are spread over. Only evidence lives there, so the number may change. */
export const HEARTBEAT_SHARDS = 16;

export function heartbeatStream(shard: number): string {
  return `heartbeat-${shard}`;
}
