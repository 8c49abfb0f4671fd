/**
 * Writes docs/events.md and the golden files of event versions that have none yet. With --check it writes nothing and
 * exits 1 when something is missing, was changed, or is not current.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { allEventContracts } from '../src/all.events.js';
import { catalogueOf } from './events/catalogue.js';
import { goldenViolations, writeMissingGolden } from './events/golden.js';

const GOLDEN = 'test/golden';
const CATALOGUE = 'docs/events.md';

if (process.argv.includes('--check')) {
  const violations = goldenViolations(allEventContracts, GOLDEN);
  if (violations.length === 0 && readFileSync(CATALOGUE, 'utf8') !== catalogueOf(allEventContracts, GOLDEN)) {
    violations.push(`${CATALOGUE} is not current: run npm run generate:events`);
  }
  for (const violation of violations) console.error(violation);
  process.exitCode = violations.length === 0 ? 0 : 1;
} else {
  writeMissingGolden(allEventContracts, GOLDEN);
  writeFileSync(CATALOGUE, catalogueOf(allEventContracts, GOLDEN));
}
