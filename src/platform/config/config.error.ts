/**
 * The settings cannot be used. Each problem is one sentence that names the setting and the reason; values are shown only
 * where they cannot be secret.
 */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}
