import { Module } from '@nestjs/common';
import { CommandModule } from '../platform/command/command.module.js';
import { PriceBook } from './price-book.js';
import { PriceImpacts } from './price-impacts.js';
import { PriceKeeper } from './price-keeper.js';
import { PriceCommands } from './prices.commands.js';
import { PricesController } from './prices.controller.js';

/** Role `api`: the prices and their revisions. */
@Module({
  imports: [CommandModule],
  controllers: [PricesController],
  providers: [PriceBook, PriceCommands, PriceImpacts],
})
export class PricesModule {}

/** Role `reactors`: seeds the prices and takes the overrides of the settings in. */
@Module({ providers: [PriceBook, PriceKeeper] })
export class PriceKeepingModule {}
