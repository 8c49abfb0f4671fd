import { setTimeout as rest } from 'node:timers/promises';
import { importTranscripts } from './transcripts/import-transcripts.js';

process.exitCode = await importTranscripts({
  args: process.argv.slice(2),
  environment: process.env,
  print: (text) => console.log(text),
  complain: (text) => console.error(text),
  rest: (ms) => rest(ms),
});
