import { removeRunDir } from './run-dir.mjs';

export default async function globalTeardown() {
  await removeRunDir(process.env['MC_TEST_RUN_DIR']);
}
