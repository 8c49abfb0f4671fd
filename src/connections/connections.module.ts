import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { AgentsModule } from '../agents/agents.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { ConnectionCommands } from './connections.commands.js';
import { ConnectionsController } from './connections.controller.js';

@Module({
  imports: [CommandModule, AgentDirectoryModule, AgentsModule],
  controllers: [ConnectionsController],
  providers: [ConnectionCommands],
  exports: [ConnectionCommands],
})
export class ConnectionsModule {}
