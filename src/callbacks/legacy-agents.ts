import { Injectable } from '@nestjs/common';
import { CallbacksQueries } from '../../projections/callbacks/callbacks.queries.js';

/** Who is meant by a compatibility callback that names nobody. */
@Injectable()
export class LegacyAgents {
  constructor(private readonly queries: CallbacksQueries) {}

  /** The id of the one agent of the installation that may sign the body alone; undefined when there is none, or several. */
  async only(): Promise<string | undefined> {
    const [only, ...others] = await this.queries.legacyAgents();
    return only === undefined || others.length > 0 ? undefined : String(only);
  }
}
