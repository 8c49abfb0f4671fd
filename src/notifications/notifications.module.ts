import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { NotificationCommands } from './notifications.commands.js';
import { NotificationsController } from './notifications.controller.js';

@Module({
  imports: [AgentDirectoryModule, CommandModule],
  controllers: [NotificationsController],
  providers: [NotificationCommands],
  exports: [NotificationCommands],
})
export class NotificationsModule {}
