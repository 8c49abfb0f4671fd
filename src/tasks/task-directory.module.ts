import { Module } from '@nestjs/common';
import { TaskDirectory } from './task-directory.js';

/** The strongly consistent side of tasks, for every role: with the tail of an api process, or without. */
@Module({ providers: [TaskDirectory], exports: [TaskDirectory] })
export class TaskDirectoryModule {}
