import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../platform/config/config.js';
import { configMessage, configRequest } from '../platform/config/hand-over.js';
import type { Part, RunningPart } from './part.js';

/** A program of ours that runs as a child and says `{type: 'ready'}` when it serves. */
export interface ChildProgram {
  readonly name: string;
  /** Starts the process, with an IPC channel. */
  spawn(): ChildProcess;
  /** Its settings; sent when it asks. */
  readonly config?: Config;
}

/** A recovering store may read for a while; what says nothing for this long hangs. */
const readyBoundMs = 120_000;

export function childPart(program: ChildProgram): Part {
  return { name: program.name, launch: (signal) => launch(program, signal) };
}

async function launch(program: ChildProgram, signal: AbortSignal): Promise<RunningPart> {
  signal.throwIfAborted();
  const child = program.spawn();
  const ended = endOf(child);
  const stop = (boundMs: number) => stopChild(child, ended, boundMs);
  try {
    await readiness(program, child, ended, signal);
  } catch (error) {
    await stop(1_000);
    throw error;
  }
  return { pid: child.pid ?? 0, ended, stop };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve(error.message);
    });
    child.once('exit', (code, endedBy) => resolve(endedBy === null ? `exit code ${code}` : `killed by ${endedBy}`));
  });
}

async function readiness(
  program: ChildProgram,
  child: ChildProcess,
  ended: Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  const waiting = new AbortController();
  const ready = new Promise<undefined>((resolve) => {
    child.on('message', (message) => {
      if (typeOf(message) === configRequest.type && program.config !== undefined) {
        child.send(configMessage(program.config), ignoreBrokenChannel);
      }
      if (typeOf(message) === 'ready') resolve(undefined);
    });
  });
  const given = AbortSignal.any([signal, waiting.signal]);
  const late = delay(readyBoundMs, `not ready within ${readyBoundMs / 1000} s`, { signal: given });
  const failure = await Promise.race([ready, ended, late.catch(() => 'told to stop')]);
  waiting.abort();
  if (failure !== undefined) throw new Error(failure);
}

/** A child that dies at this moment is told of by its end. */
function ignoreBrokenChannel(): void {}

function typeOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null ? (message as { type?: unknown }).type : undefined;
}

async function stopChild(child: ChildProcess, ended: Promise<string>, boundMs: number): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), boundMs);
  await ended;
  clearTimeout(timer);
}
