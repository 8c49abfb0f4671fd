import { Module } from '@nestjs/common';
import { CommandModule } from '../platform/command/command.module.js';
import { ProjectDirectoryModule } from '../projects/project-directory.module.js';
import { DispatchGate } from '../queue/dispatch-gate.js';
import { TaskDirectoryModule } from '../tasks/task-directory.module.js';
import { BudgetDirectory } from './budget-directory.js';
import { BudgetGate } from './budget-gate.js';
import { BudgetStandings } from './budget-standings.js';
import { BudgetWatch } from './budget-watch.js';
import { BudgetCommands } from './budgets.commands.js';
import { BudgetsController } from './budgets.controller.js';

/** Role `api`: budgets and how they stand. */
@Module({
  imports: [CommandModule, ProjectDirectoryModule, TaskDirectoryModule],
  controllers: [BudgetsController],
  providers: [BudgetDirectory, BudgetCommands, BudgetStandings],
})
export class BudgetsModule {}

/** What the queue asks before it hands out work. */
@Module({ providers: [{ provide: DispatchGate, useClass: BudgetGate }], exports: [DispatchGate] })
export class BudgetGateModule {}

/** Role `reactors`: tells budgets what they have come to. */
@Module({ providers: [BudgetDirectory, BudgetWatch] })
export class BudgetWatchModule {}
