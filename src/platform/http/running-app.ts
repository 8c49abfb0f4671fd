import type { INestApplication } from '@nestjs/common';

/** The application itself, for what must look at all of it, such as its documentation. */
export class RunningApp {
  private running: INestApplication | undefined;

  get app(): INestApplication {
    if (this.running === undefined) throw new Error('the application is not running yet');
    return this.running;
  }

  set app(app: INestApplication) {
    this.running = app;
  }
}
