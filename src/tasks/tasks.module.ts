import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { AsOf } from '../audit/as-of.js';
import { CommandModule } from '../platform/command/command.module.js';
import { ReservedNumbers } from '../platform/numbers/reserved-numbers.js';
import { ProjectDirectoryModule } from '../projects/project-directory.module.js';
import { CommentCommands } from './comments.commands.js';
import { CommentsController } from './comments.controller.js';
import { ReviewCommands } from './reviews.commands.js';
import { ReviewsController } from './reviews.controller.js';
import { TaskDirectoryModule } from './task-directory.module.js';
import { TaskHistory } from './task-history.js';
import { TaskHistoryController } from './task-history.controller.js';
import { TaskLists } from './task-lists.js';
import { TaskPeople } from './task-people.js';
import { TaskRunner } from './task-runner.js';
import { TaskViews } from './task-views.js';
import { TaskCommands } from './tasks.commands.js';
import { TasksController } from './tasks.controller.js';

@Module({
  imports: [CommandModule, AgentDirectoryModule, ProjectDirectoryModule, TaskDirectoryModule],
  controllers: [TasksController, CommentsController, TaskHistoryController, ReviewsController],
  providers: [
    AsOf,
    TaskCommands,
    CommentCommands,
    ReviewCommands,
    TaskHistory,
    TaskLists,
    TaskPeople,
    TaskRunner,
    TaskViews,
    ReservedNumbers,
  ],
  exports: [TaskLists, TaskPeople, TaskRunner, TaskViews],
})
export class TasksModule {}
