import { Module, type DynamicModule } from '@nestjs/common';
import { Clock, SystemClock } from './platform/clock/clock.js';
import { CONFIG, type Config } from './platform/config/config.js';
import { Ids, RandomIds } from './platform/ids/ids.js';

/** What every module may ask for: the settings of this process, time, and random ids. */
@Module({})
export class CoreModule {
  static for(config: Config): DynamicModule {
    return {
      module: CoreModule,
      global: true,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: Clock, useClass: SystemClock },
        { provide: Ids, useClass: RandomIds },
      ],
      exports: [CONFIG, Clock, Ids],
    };
  }
}
