import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Listener } from './demo/listener.js';
import { proveNothingMissed, proveTotals } from './demo/proof.js';
import { findOrStartServer } from './demo/server.js';
import { playSession } from './demo/session.js';

const help = `Plays a session of five agents over HTTP and proves that a listener which was cut off twice missed nothing.

Usage: npm run demo [-- --fresh | --help]

It plays on the server at MC_URL (with API_KEY), else on the one that "npm start" runs here, else it starts one on a
free port with a temporary data directory, and removes it afterwards.

  --fresh   start one in any case
  --help    print this

Exit code: 0 the proof holds, 1 it does not or something failed, 2 not understood.`;

async function main(isFresh: boolean): Promise<number> {
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(signal)));
  });
  interrupted.catch(() => undefined); // it may come when nobody waits
  const server = await findOrStartServer(isFresh, interrupted);
  try {
    return await Promise.race([play(server.api, server.origin), interrupted]);
  } finally {
    await server.release();
  }
}

async function play(api: Awaited<ReturnType<typeof findOrStartServer>>['api'], origin: string): Promise<number> {
  console.log(`Mission Control at ${api.url} (${origin})\n`);
  const began = performance.now();
  const tell = (who: string, what: string) => {
    const seconds = ((performance.now() - began) / 1_000).toFixed(2);
    console.log(`${seconds.padStart(6)} s  ${who.padEnd(12)}  ${what}`);
  };
  const listener = new Listener(api);
  const reported = await playSession(api, listener, `run-${randomBytes(4).toString('hex')}`, tell);
  const findings = [...(await proveNothingMissed(api, listener)), await proveTotals(api, reported)];
  listener.close();
  console.log('\nProof, from the audit export of the log:');
  for (const { holds, text } of findings) console.log(`  ${holds ? 'holds ' : 'FAILED'}  ${text}`);
  return findings.every(({ holds }) => holds) ? 0 : 1;
}

function asked(): { readonly help: boolean; readonly fresh: boolean } {
  try {
    const { values } = parseArgs({ options: { help: { type: 'boolean' }, fresh: { type: 'boolean' } } });
    return { help: values.help ?? false, fresh: values.fresh ?? false };
  } catch {
    console.error('mission-control demo: unknown argument; "npm run demo -- --help" shows what there is');
    process.exit(2);
  }
}

const options = asked();
if (options.help) {
  console.log(help);
} else {
  try {
    process.exitCode = await main(options.fresh);
  } catch (error) {
    console.error(`mission-control demo: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
