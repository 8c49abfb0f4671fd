import { Module } from '@nestjs/common';
import { AsOf } from '../audit/as-of.js';
import { BeatHistory } from '../heartbeats/beat-history.js';
import { KeyringModule } from '../keys/keyring.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { AgentOfPath } from '../platform/rate-limit/agent-of-path.js';
import { AgentCapacity } from './agent-capacity.js';
import { AgentDetails } from './agent-details.js';
import { AgentDirectoryModule } from './agent-directory.module.js';
import { AgentHistory } from './agent-history.js';
import { AgentCommands } from './agents.commands.js';
import { AgentsController } from './agents.controller.js';
import { KnownAgents } from './known-agents.js';
import { AgentMemories } from './memory/agent-memories.js';
import { AgentMemoryController } from './memory/agent-memory.controller.js';
import { AgentSoulController } from './memory/agent-soul.controller.js';

import { AgentAttribution } from './reports/agent-attribution.js';
import { AgentDiagnostics } from './reports/agent-diagnostics.js';
import { AgentReportsController } from './reports/agent-reports.controller.js';
import { SelfOnly } from './reports/self-access.js';

@Module({
  imports: [CommandModule, AgentDirectoryModule, KeyringModule],
  controllers: [AgentsController, AgentMemoryController, AgentSoulController, AgentReportsController],
  providers: [
    AgentCommands,
    AgentCapacity,
    AgentDetails,
    AgentHistory,
    AgentMemories,
    AsOf,
    BeatHistory,
    AgentAttribution,
    AgentDiagnostics,
    SelfOnly,
    { provide: AgentOfPath, useClass: KnownAgents },
  ],
  exports: [AgentCapacity],
})
export class AgentsModule {}
