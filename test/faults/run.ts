import { randomBytes } from 'node:crypto';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { allFamilies, mixedFamily } from './families/all.families.js';
import type { Family } from './families/family.js';
import { victims } from './injectors/kill.js';
import { Random } from './random.js';
import { closingLines, type FamilyResult, familyLine } from './report/line.js';

const HELP = `Usage: npm run faults -- [--rounds 20] [--seed <text>] [--family <name>[,<name>]] [--quick]

Kills parts of the real system under load and proves that nothing acknowledged is lost, counts twice or is missed.

  --rounds <n>    faults a family (20)
  --seed <text>   draws the same faults again
  --family <...>  only these families
  --quick         every victim once on one system, the copies once, webhooks through two kills: what CI runs

Families:
${allFamilies.map(({ name, what }) => `  ${name.padEnd(14)}  ${what}`).join('\n')}

Exit code: 0 nothing found, 1 something found, 2 not understood.
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: randomBytes(4).toString('hex') },
    family: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
process.exitCode = values.help ? help() : await run();

function help(): number {
  console.log(HELP);
  return 0;
}

async function run(): Promise<number> {
  const plan = planned();
  if (plan === undefined) {
    console.error('a family or the number of rounds is not known; --help shows what there is');
    return 2;
  }
  const { seed } = values;
  console.log(`seed ${seed}; ${cpus().length} cores, load ${(loadavg()[0] ?? 0).toFixed(1)}, Node ${process.version}`);
  const results: FamilyResult[] = [];
  for (const { family, rounds } of plan) {
    const result = await family.run({
      programDir: process.cwd(),
      rounds,
      apiWorkers: 1,
      clients: 8,
      listeners: values.quick ? 6 : 8,
      leastCuts: 5,
      batchSizes: values.quick ? [] : [1, 7, 1_000, 5_000],
      facts: values.quick ? 300 : 10_000,
      random: new Random(seed),
      stopsAt: undefined,
      keepsFailures: true,
      say: (line) => console.log(line),
    });
    results.push(result);
    console.log(familyLine(result));
  }
  for (const line of closingLines(results, seed)) console.log(line);
  return results.some(({ findings }) => findings.length > 0) ? 1 : 0;
}

function planned(): readonly { family: Family; rounds: number }[] | undefined {
  const rounds = Number(values.rounds);
  const asked = values.family.flatMap((names) => names.split(','));
  const isKnown = asked.every((wanted) => allFamilies.some(({ name }) => name === wanted));
  if (!isKnown || !Number.isInteger(rounds) || rounds < 1) return undefined;
  const families = asked.length === 0 ? allFamilies : allFamilies.filter(({ name }) => asked.includes(name));
  if (values.quick) {
    const small = families.flatMap((family) => quickForm(family, asked.length > 0));
    return asked.length > 0 ? small : [{ family: mixedFamily, rounds: victims.length }, ...small];
  }
  return families.map((family) => ({ family, rounds }));
}

/** What CI runs of a family, or what somebody sees of it who asked for it by name. */
function quickForm(family: Family, isAsked: boolean): { family: Family; rounds: number }[] {
  if (family.name === 'copies') return [{ family, rounds: 1 }];
  if (family.name === 'webhooks') return [{ family, rounds: 2 }];
  return isAsked ? [{ family, rounds: 1 }] : [];
}
