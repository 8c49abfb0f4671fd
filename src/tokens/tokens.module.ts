import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { TaskDirectoryModule } from '../tasks/task-directory.module.js';
import { CurrentPrices } from '../prices/current-prices.js';
import { ClaimLookup } from './claim-lookup.js';
import { TokenCommands } from './tokens.commands.js';
import { TokensController } from './tokens.controller.js';
import { UsageAmendments } from './usage-amendments.js';
import { UsageRecorder } from './usage-recorder.js';

@Module({
  imports: [CommandModule, AgentDirectoryModule, TaskDirectoryModule],
  controllers: [TokensController],
  providers: [ClaimLookup, CurrentPrices, TokenCommands, UsageAmendments, UsageRecorder],
  exports: [TokenCommands, UsageRecorder],
})
export class TokensModule {}
