import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { TaskDirectoryModule } from '../tasks/task-directory.module.js';
import { SecurityModule } from '../security/security.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { CallbackEffect } from './callback-effect.js';
import { CallbackFinisher } from './callback-finisher.js';
import { CallbackLimits } from './callback-limits.js';
import { CallbackSecrets } from './callback-secrets.js';
import { CallbackSecretsController } from './callback-secrets.controller.js';
import { CallbackSigners } from './callback-signers.js';
import { CallbackStreams } from './callback-streams.js';
import { CallbackCommands } from './callbacks.commands.js';
import { CallbacksController } from './callbacks.controller.js';
import { ImportedSecrets } from './imported-secrets.js';
import { LegacyAgents } from './legacy-agents.js';
import { OpenTasks } from './open-tasks.js';
import { SecretImport } from './secret-import.js';

/** Role `api`: signed callbacks in. Whatever process accepted one, every api process can finish it. */
@Module({
  imports: [AgentDirectoryModule, CommandModule, SecurityModule, TaskDirectoryModule, TokensModule],
  controllers: [CallbacksController, CallbackSecretsController],
  providers: [
    CallbackCommands,
    CallbackEffect,
    CallbackFinisher,
    CallbackLimits,
    CallbackSecrets,
    CallbackSigners,
    CallbackStreams,
    ImportedSecrets,
    LegacyAgents,
    OpenTasks,
    SecretImport,
  ],
})
export class CallbacksModule {}
