import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { TaskDirectoryModule } from '../tasks/task-directory.module.js';
import { Claims } from './claims.js';
import { HeldTasks } from './held-tasks.js';
import { Holders } from './holders.js';
import { PollCommands } from './poll.commands.js';
import { QueueController } from './queue.controller.js';

@Module({
  imports: [CommandModule, AgentDirectoryModule, TaskDirectoryModule],
  controllers: [QueueController],
  providers: [Claims, HeldTasks, Holders, PollCommands],
})
export class QueueModule {}
