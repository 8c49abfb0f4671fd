import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { BudgetGateModule } from '../budgets/budgets.module.js';
import { ServicePresence } from '../liveness/service-presence.js';
import { CommandModule } from '../platform/command/command.module.js';
import { TaskDirectoryModule } from '../tasks/task-directory.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { Claims } from './claims.js';
import { HeldTasks } from './held-tasks.js';
import { Holders } from './holders.js';
import { LeaseMonitor } from './lease-monitor.js';
import { OrphanMonitor } from './orphan-monitor.js';
import { PollCommands } from './poll.commands.js';
import { QueueController } from './queue.controller.js';
import { QueueReader } from './queue-reader.js';
import { ReleaseCommands } from './release.commands.js';
import { ReleaseController } from './release.controller.js';

/** Role `api`: what agents ask of the queue. */
@Module({
  imports: [BudgetGateModule, CommandModule, AgentDirectoryModule, TaskDirectoryModule, TasksModule],
  controllers: [QueueController, ReleaseController],
  providers: [Claims, HeldTasks, Holders, PollCommands, QueueReader, ReleaseCommands],
})
export class QueueModule {}

/** Role `reactors`: whose lease ran out, and whose agent is gone. */
@Module({
  imports: [TaskDirectoryModule],
  providers: [LeaseMonitor, OrphanMonitor, ServicePresence],
  exports: [LeaseMonitor],
})
export class LeaseMonitorModule {}
