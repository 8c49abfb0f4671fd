import { Module } from '@nestjs/common';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { ExpiryMonitor } from './expiry-monitor.js';
import { PresenceAnnouncer } from './presence-announcer.js';
import { ServicePresence } from './service-presence.js';
import { SummaryWriter } from './summary-writer.js';

/** Role `reactors`: who fell silent, and the permanent proof of who did not. */
@Module({
  imports: [AgentDirectoryModule],
  providers: [ExpiryMonitor, ServicePresence, SummaryWriter],
  exports: [ExpiryMonitor],
})
export class LivenessModule {}

/** Role `api`: says that this process hears its agents. */
@Module({ providers: [PresenceAnnouncer, ServicePresence] })
export class PresenceModule {}
