import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { allFamilies } from './families/all.families.js';
import type { Word } from './finding.js';
import { plantedProgram } from './plants/planted-program.js';
import { Random } from './random.js';

/** A bug that is planted, the family that must catch it, and what it must call it. */
interface Plant {
  readonly name: string;
  readonly family: string;
  readonly word: Word;
}

const plants: readonly Plant[] = [
  { name: 'acknowledge-before-append', family: 'api', word: 'lost' },
  { name: 'checkpoint-outside-the-transaction', family: 'projector', word: 'lost' },
  { name: 'resume-off-by-one', family: 'listeners', word: 'gap' },
];

const ROUNDS = 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: randomBytes(4).toString('hex') },
    plant: { type: 'string', default: '' },
  },
});
const chosen = plants.filter(({ name }) => values.plant === '' || name === values.plant);
let caught = 0;
console.log(`seed ${values.seed}`);
for (const plant of chosen) caught += (await isCaught(plant)) ? 1 : 0;
console.log(`${chosen.length} plants, ${caught} caught`);
process.exitCode = caught === chosen.length && caught > 0 ? 0 : 1;

async function isCaught({ name, family: familyName, word }: Plant): Promise<boolean> {
  const family = allFamilies.find((each) => each.name === familyName);
  if (family === undefined) throw new Error(`there is no family ${familyName}`);
  const program = await plantedProgram(join('test', 'faults', 'plants', `${name}.patch`));
  try {
    const { rounds, findings } = await family.run({
      programDir: program.dir,
      rounds: ROUNDS,
      apiWorkers: 1,
      facts: 300,
      clients: 8,
      listeners: 4,
      leastCuts: 0,
      batchSizes: [],
      random: new Random(values.seed),
      stopsAt: word,
      keepsFailures: false,
      say: (line) => console.log(`  ${line}`),
    });
    const first = findings.find((each) => each.word === word);
    console.log(
      first === undefined
        ? `${name}: NOT CAUGHT by ${familyName} in ${rounds} rounds`
        : `${name}: caught by ${familyName} in round ${rounds} as ${word}: ${first.what}`,
    );
    return first !== undefined;
  } finally {
    await program.remove();
  }
}
