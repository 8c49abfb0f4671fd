import { Module } from '@nestjs/common';
import { ProjectDirectory } from './project-directory.js';

/** The strongly consistent side of projects, for every role: with the tail of an api process, or without. */
@Module({ providers: [ProjectDirectory], exports: [ProjectDirectory] })
export class ProjectDirectoryModule {}
