import { Module } from '@nestjs/common';
import { AgentDirectory } from './agent-directory.js';

/** The strongly consistent side of agents, for every role: with the tail of an api process, or without. */
@Module({ providers: [AgentDirectory], exports: [AgentDirectory] })
export class AgentDirectoryModule {}
