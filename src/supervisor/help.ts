import { exitCodes } from './exit-codes.js';

/** What `npm start -- --help` prints. */
export const help = `Mission Control: the flight recorder and control tower for AI agents

Usage: npm start [-- --help | --version]

Starts the whole system and keeps it running: an event store and a PostgreSQL of its own, unless EVENTSTORE_URL and
DATABASE_URL name others, then the roles api, projector and reactors. Ctrl-C stops everything.

The settings that are changed most (all of them: .env.example; a .env file is read):
  PORT               where it listens (3000; 0 picks a free port)
  MC_HOST            on which address (127.0.0.1)
  MC_DATA_DIR        where it keeps things (.data)
  API_KEY            one admin key; without any key one is generated on first start
  MC_API_KEYS        several, as key:role[:workspace[:name]], separated by commas
  EVENTSTORE_URL     esdb://… of an EventStoreDB or KurrentDB
  DATABASE_URL       postgres://…
  API_WORKERS        api processes that share the port (1)
  MC_ROLES           which roles run here (all)

Exit codes:
  ${exitCodes.stopped}    stopped as told
  ${exitCodes.badArgument}   unknown argument
  ${exitCodes.unavailable}   a port is in use, or a part did not start
  ${exitCodes.partKeptDying}   a part kept dying
  ${exitCodes.badDirectory}   the data directory cannot be written
  ${exitCodes.alreadyRunning}   it already runs on this data directory
  ${exitCodes.badSetting}   a setting is wrong
  ${exitCodes.interrupted}  interrupted a second time while stopping`;
