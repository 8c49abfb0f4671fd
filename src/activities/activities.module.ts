import { Module } from '@nestjs/common';
import { CommandModule } from '../platform/command/command.module.js';
import { ActivitiesController } from './activities.controller.js';

@Module({ imports: [CommandModule], controllers: [ActivitiesController] })
export class ActivitiesModule {}
