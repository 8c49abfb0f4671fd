import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { ConnectionsModule } from '../connections/connections.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { WorkItemsModule } from '../work-items/work-items.module.js';
import { HeartbeatRetention } from './heartbeat-retention.js';
import { HeartbeatWriter } from './heartbeat-writer.js';
import { HeartbeatCommands } from './heartbeats.commands.js';
import { HeartbeatsController } from './heartbeats.controller.js';

@Module({
  imports: [CommandModule, AgentDirectoryModule, ConnectionsModule, NotificationsModule, TokensModule, WorkItemsModule],
  controllers: [HeartbeatsController],
  providers: [HeartbeatCommands, HeartbeatRetention, HeartbeatWriter],
})
export class HeartbeatsModule {}
