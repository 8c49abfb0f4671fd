import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { TaskDirectoryModule } from '../tasks/task-directory.module.js';
import { GeneralProject } from './general-project.js';
import { ProjectAgentsController } from './project-agents.controller.js';
import { ProjectDirectoryModule } from './project-directory.module.js';
import { ProjectRemoval } from './project-removal.js';
import { ProjectTasksController } from './project-tasks.controller.js';
import { ProjectView } from './project-view.js';
import { ProjectCommands } from './projects.commands.js';
import { ProjectsController } from './projects.controller.js';
import { RemovalFinisher } from './removal-finisher.js';
import { TaskMover } from './task-mover.js';

/** Role `api`. */
@Module({
  imports: [CommandModule, AgentDirectoryModule, ProjectDirectoryModule, TaskDirectoryModule, TasksModule],
  controllers: [ProjectsController, ProjectAgentsController, ProjectTasksController],
  providers: [GeneralProject, ProjectCommands, ProjectRemoval, ProjectView, TaskMover],
})
export class ProjectsModule {}

/** Role `reactors`: finishes the deletion of projects. */
@Module({
  imports: [ProjectDirectoryModule, TaskDirectoryModule],
  providers: [ProjectRemoval, RemovalFinisher, TaskMover],
  exports: [RemovalFinisher],
})
export class ProjectRemovalModule {}
