import { createRunDir, removeAbandonedRunDirs } from './run-dir.mjs';

export default async function globalSetup() {
  await removeAbandonedRunDirs();
  process.env['MC_TEST_RUN_DIR'] = createRunDir();
}
