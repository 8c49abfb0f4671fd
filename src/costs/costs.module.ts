import { Module } from '@nestjs/common';
import { CommandModule } from '../platform/command/command.module.js';
import { CostsController } from './costs.controller.js';
import { ProvenanceController } from './provenance.controller.js';
import { UsageExport } from './usage-export.js';
import { UsageController } from './usage.controller.js';

/** What tokens cost, in every shape that is asked for. */
@Module({
  imports: [CommandModule],
  controllers: [UsageController, ProvenanceController, CostsController],
  providers: [UsageExport],
})
export class CostsModule {}
