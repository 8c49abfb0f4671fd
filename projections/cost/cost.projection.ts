import { defineProjection, type Projection } from '../engine/projection.js';
import { type CostChanges, type CostEvent, foldCost } from './cost.fold.js';
import { costTables } from './cost.tables.js';
import { writeCost } from './cost.writer.js';
import { reviseBook } from './price-book.js';
import { coverZones } from './reporting-zones.js';
import { repriceChunk } from './repricing.js';

/**
 * Usage, priced by the rate in force when the tokens were used, and every sum of it. `zones`: the time zones, beside
 * UTC, that days are kept in.
 */
export function costProjection(zones: readonly string[] = []): Projection {
  return defineProjection<CostEvent, CostChanges>({
    name: 'cost',
    // Money: nothing is ever skipped.
    policy: 'halt',
    handles: ['TokenUsageReported', 'TokenUsageCorrected', 'TokenUsageVoided', 'PriceBookRevised'],
    tables: costTables,
    lingerMs: 3,
    keyOf: (entry) => entry.stream,
    fold: foldCost,
    write: writeCost,
    background: {
      isWokenBy: ({ revisions }) => revisions.length > 0,
      chunk: async (transaction, version) =>
        (await repriceChunk(transaction, version)) || (await coverZones(transaction, version, zones)),
    },
    prelude: {
      stream: 'prices-main',
      write: async (transaction, events, version) => {
        for (const event of events) {
          if (event.type === 'PriceBookRevised') await reviseBook(transaction, version, event);
        }
      },
    },
  });
}
