#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { sendCallback, sendWaiting, type CallbackContent, type SendOutcome } from './callback/send-callback.js';
import type { Attempt } from './callback/retry-schedule.js';

const help = `Tells Mission Control how an agent's task goes: signed, repeated until it is acknowledged, counted once.

Usage:
  mission-control-callback progress  --task <id> --message <text> [--percent <0-100>]
  mission-control-callback completed --task <id> --summary <text> [--outcome success|partial]
  mission-control-callback failed    --task <id> --error <text> [--last-state <text>] [--outcome failed|abandoned]
  mission-control-callback flush     sends what an earlier run left in the spool

  --url <url>             http(s)://host/api/callbacks/<agent>, or MC_CALLBACK_URL
  --secret-file <file>    holds the agent's secret (whsec_…); else the variable MC_CALLBACK_SECRET
  --spool <directory>     keeps what is not acknowledged (default .mission-control-callbacks)
  --id <id>               of the callback; two runs with one id count once
  --give-up-after <s>     seconds (default 86400)
  --help

Exit code: 0 delivered, 1 refused for good, 2 not understood, 75 given up: it waits in the spool.`;

const options = {
  url: { type: 'string' },
  'secret-file': { type: 'string' },
  spool: { type: 'string', default: '.mission-control-callbacks' },
  id: { type: 'string' },
  'give-up-after': { type: 'string', default: '86400' },
  task: { type: 'string' },
  message: { type: 'string' },
  percent: { type: 'string' },
  summary: { type: 'string' },
  error: { type: 'string' },
  'last-state': { type: 'string' },
  outcome: { type: 'string' },
  help: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parse>['values'];

class Misunderstood extends Error {}

function parse() {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new Misunderstood(error instanceof Error ? error.message : String(error));
  }
}

function contentOf(kind: string | undefined, values: Values): CallbackContent {
  const taskId = values.task === undefined ? {} : { taskId: integer('--task', values.task) };
  const outcome = values.outcome === undefined ? {} : { outcome: values.outcome };
  switch (kind) {
    case 'progress': {
      const progress = values.percent === undefined ? {} : { progress: integer('--percent', values.percent) };
      return {
        type: 'task.progress',
        data: { ...taskId, message: required('--message', values.message), ...progress },
      };
    }
    case 'completed':
      return {
        type: 'task.completed',
        data: { ...taskId, summary: required('--summary', values.summary), ...outcome },
      };
    case 'failed': {
      const lastState = values['last-state'] === undefined ? {} : { lastState: values['last-state'] };
      return {
        type: 'task.failed',
        data: { ...taskId, error: required('--error', values.error), ...lastState, ...outcome },
      };
    }
    default:
      throw new Misunderstood(kind === undefined ? 'say what happened' : `${kind} is nothing that can be told`);
  }
}

function required(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new Misunderstood(`${name} is missing`);
  return value;
}

function integer(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Misunderstood(`${name} is a whole number`);
  return Number(text);
}

async function secretOf(values: Values): Promise<string> {
  const file = values['secret-file'];
  const secret = file === undefined ? process.env['MC_CALLBACK_SECRET'] : await readFile(file, 'utf8');
  return required('--secret-file or MC_CALLBACK_SECRET', secret?.trim());
}

function tellAttempt(attempt: Attempt, attempts: number, waitMs: number): void {
  const what = attempt.kind === 'answered' ? `answered ${attempt.status}` : attempt.reason;
  console.error(`attempt ${attempts}: ${what}; again in ${(waitMs / 1_000).toFixed(1)} s`);
}

function codeOf(outcome: SendOutcome): number {
  switch (outcome.kind) {
    case 'delivered':
      console.log(JSON.stringify(outcome.answer));
      return 0;
    case 'refused':
      console.error(`${outcome.id}: refused for good with ${outcome.status}: ${JSON.stringify(outcome.answer)}`);
      return 1;
    case 'gave_up':
      console.error(
        `${outcome.id}: given up after ${outcome.attempts} attempts; it waits in the spool, "flush" goes on`,
      );
      return 75;
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parse();
  if (values.help === true) {
    console.log(help);
    return 0;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const [kind, extra] = positionals;
  if (extra !== undefined) throw new Misunderstood(`${extra} is too much`);
  const common = {
    spoolDirectory: values.spool,
    giveUpAfterMs: integer('--give-up-after', values['give-up-after']) * 1_000,
    signal: stop.signal,
    onAttempt: tellAttempt,
  };
  if (kind === 'flush') {
    const secret = await secretOf(values);
    const outcomes = await sendWaiting({ ...common, secret }, (name) =>
      console.error(`${name} cannot be read: left alone`),
    );
    return Math.max(0, ...outcomes.map(codeOf));
  }
  const content = contentOf(kind, values);
  const url = required('--url or MC_CALLBACK_URL', values.url ?? process.env['MC_CALLBACK_URL']);
  const secret = await secretOf(values);
  return codeOf(
    await sendCallback(content, { ...common, url, secret, ...(values.id === undefined ? {} : { id: values.id }) }),
  );
}

try {
  process.exitCode = await main();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  console.error(
    `mission-control-callback: ${text}${error instanceof Misunderstood ? '; --help shows what there is' : ''}`,
  );
  process.exitCode = error instanceof Misunderstood ? 2 : 1;
}
