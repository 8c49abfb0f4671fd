import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { FiguresController } from './figures.controller.js';

@Module({ imports: [AgentDirectoryModule, CommandModule], controllers: [FiguresController] })
export class FiguresModule {}
