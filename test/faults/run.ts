import { randomBytes } from 'node:crypto';
import { killFamily } from './families/kill-family.js';
import { Random } from './random.js';
import { closingLines, familyLine } from './report/line.js';

const seed = randomBytes(4).toString('hex');
const say = (line: string) => console.log(line);
const result = await killFamily('api', {
  programDir: process.cwd(),
  rounds: 3,
  clients: 8,
  listeners: 0,
  random: new Random(seed),
  say,
});
for (const each of result.findings.slice(0, 20)) say(`  ${each.word}: ${each.what}`);
say(familyLine(result));
for (const line of closingLines([result], seed)) say(line);
process.exitCode = result.findings.length > 0 ? 1 : 0;
