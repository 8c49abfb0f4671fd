/** Time as a dependency: tests move it, nothing else asks the machine. */
export abstract class Clock {
  abstract now(): Date;
}

/** The machine's clock. The only place that reads it. */
export class SystemClock extends Clock {
  now(): Date {
    return new Date();
  }
}
