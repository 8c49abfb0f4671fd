import { Module } from '@nestjs/common';
import { KeyringModule } from '../keys/keyring.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { AgentOfPath } from '../platform/rate-limit/agent-of-path.js';
import { AgentCapacity } from './agent-capacity.js';
import { AgentDirectoryModule } from './agent-directory.module.js';
import { AgentCommands } from './agents.commands.js';
import { AgentsController } from './agents.controller.js';
import { KnownAgents } from './known-agents.js';

@Module({
  imports: [CommandModule, AgentDirectoryModule, KeyringModule],
  controllers: [AgentsController],
  providers: [AgentCommands, AgentCapacity, { provide: AgentOfPath, useClass: KnownAgents }],
  exports: [AgentCapacity],
})
export class AgentsModule {}
