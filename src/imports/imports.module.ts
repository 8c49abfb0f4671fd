import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { OtlpController } from './otlp.controller.js';
import { OtlpReports } from './otlp-reports.js';

/** Usage that arrives in other shapes than reports. */
@Module({
  imports: [CommandModule, AgentDirectoryModule, TokensModule],
  controllers: [OtlpController],
  providers: [OtlpReports],
})
export class ImportsModule {}
