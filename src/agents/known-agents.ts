import { Injectable } from '@nestjs/common';
import { AgentOfPath } from '../platform/rate-limit/agent-of-path.js';
import { AgentDirectory } from './agent-directory.js';

/** Lets the rate limits see that an id and a name are the same agent. */
@Injectable()
export class KnownAgents extends AgentOfPath {
  constructor(private readonly directory: AgentDirectory) {
    super();
  }

  agentId(workspaceId: number, idOrName: string): number | undefined {
    return this.directory.knownId(workspaceId, idOrName.normalize('NFC'));
  }
}
