/** PostgreSQL cannot be run here. The message is one sentence for the operator: what is wrong and what helps. */
export class EmbeddedPostgresError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddedPostgresError';
  }
}
