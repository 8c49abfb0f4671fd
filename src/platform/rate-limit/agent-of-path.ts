/**
 * Which agent a path means, so that an id and a name of the same agent share one bucket. Answers from memory: it is
 * asked on every beat, before the body is read.
 */
export abstract class AgentOfPath {
  /** `idOrName`: the path parameter, decoded. Undefined: no such agent; it then has no bucket of its own. */
  abstract agentId(workspaceId: number, idOrName: string): number | undefined;
}
