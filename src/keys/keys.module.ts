import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CommandModule } from '../platform/command/command.module.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { AgentKeysController } from './agent-keys.controller.js';
import { KeyIssuer } from './key-issuer.js';
import { KeyMint } from './key-mint.js';
import { KeyRotationController } from './key-rotation.controller.js';
import { KeyringModule } from './keyring.module.js';
import { KeysController } from './keys.controller.js';

@Module({
  imports: [AgentDirectoryModule, CommandModule, KeyringModule],
  controllers: [AgentKeysController, KeyRotationController, KeysController],
  providers: [
    KeyIssuer,
    { provide: KeyMint, useFactory: (config: Config) => new KeyMint(config.secretKeys), inject: [CONFIG] },
  ],
})
export class KeysModule {}
