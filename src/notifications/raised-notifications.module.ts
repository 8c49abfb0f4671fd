import { Global, Module } from '@nestjs/common';
import { CausedFacts } from '../platform/command/caused-facts.js';
import { RaisedNotifications } from './raised-notifications.js';

/** Lets every command's answer wait for the notifications that it causes. */
@Global()
@Module({
  providers: [RaisedNotifications, { provide: CausedFacts, useExisting: RaisedNotifications }],
  exports: [CausedFacts],
})
export class RaisedNotificationsModule {}
