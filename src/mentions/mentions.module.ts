import { Module } from '@nestjs/common';
import { CommandModule } from '../platform/command/command.module.js';
import { MentionsController } from './mentions.controller.js';

@Module({ imports: [CommandModule], controllers: [MentionsController] })
export class MentionsModule {}
