import { Module } from '@nestjs/common';
import { WorkItems } from './work-items.js';

@Module({ providers: [WorkItems], exports: [WorkItems] })
export class WorkItemsModule {}
