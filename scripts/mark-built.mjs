import { writeFileSync } from 'node:fs';
import { newestSourceMs, stampFile } from './build-stamp.mjs';

writeFileSync(stampFile, String(newestSourceMs()));
