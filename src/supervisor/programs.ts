import { type ChildProcess, fork } from 'node:child_process';
import cluster from 'node:cluster';
import type { Config, ProcessRole } from '../platform/config/config.js';
import { handOverVariable } from '../platform/config/hand-over.js';
import type { ChildProgram } from './child-part.js';

/** The scripts that child processes run. */
export interface Scripts {
  readonly eventStore: string;
  readonly application: string;
}

/** The embedded event store node. It is told its port, so that a restarted one is found where the first one was. */
export function eventStoreProgram(script: string, dir: string, port: number): ChildProgram {
  return {
    name: 'the event store node',
    spawn: () => detached(script, ['--dir', dir, '--host', '127.0.0.1', '--port', String(port)], {}),
  };
}

/** Roles that do not listen: one process for all of them. */
export function backgroundProgram(script: string, config: Config): ChildProgram {
  return {
    name: config.roles.join(' and '),
    config,
    spawn: () => detached(script, [], childVariables(config.roles)),
  };
}

/**
 * One of the `api` processes. They are cluster workers: any number shares one listening socket, and the program listens as
 * if it were alone. Each takes connections from it by itself. (Dealt out in turn by the supervisor, a connection that is on
 * its way to a process that dies would stay open and unanswered for ever. SO_REUSEPORT would need no supervisor in between,
 * but loses the connections that wait in the queue of a process that dies.)
 */
export function apiProgram(script: string, config: Config, number: number): ChildProgram {
  return {
    name: config.apiWorkers === 1 ? 'the api' : `api ${number}`,
    config: { ...config, apiWorker: number },
    spawn: () => {
      cluster.schedulingPolicy = cluster.SCHED_NONE;
      cluster.setupPrimary({ exec: script, args: [] });
      return cluster.fork(childVariables(['api'])).process;
    },
  };
}

/** In a session of its own: Ctrl-C reaches the supervisor alone, which ends everything in its order. */
function detached(script: string, args: readonly string[], variables: NodeJS.ProcessEnv): ChildProcess {
  return fork(script, args, { detached: true, env: { ...process.env, ...variables } });
}

function childVariables(roles: readonly ProcessRole[]) {
  return { [handOverVariable]: '1', MC_ROLES: roles.join(',') };
}
