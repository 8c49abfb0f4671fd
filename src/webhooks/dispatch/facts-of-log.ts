/** Streams in which no fact lies that anybody is told of. */
export const WITHOUT_FACTS = [
  'heartbeat-',
  'command-',
  'sequence-',
  'reactor-',
  'dispatch-',
  'holder-',
  'log-generation',
] as const;
