/** Why the process ended, for scripts and service managers; the numbers of sysexits.h where one fits. */
export const exitCodes = {
  stopped: 0,
  badArgument: 64,
  /** A port is in use, or a part did not come up. */
  unavailable: 69,
  /** A part kept dying. */
  partKeptDying: 70,
  /** The data directory cannot be used. */
  badDirectory: 73,
  /** Another supervisor works on the same data directory. */
  alreadyRunning: 75,
  badSetting: 78,
  /** Ctrl-C a second time: nobody waited for the orderly end. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The system cannot start or go on. The message is one sentence for the operator. */
export class StartError extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StartError';
  }
}
