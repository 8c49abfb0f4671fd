// `npm install` and `npm start` both end up here, so that a start on built sources costs milliseconds, not a compilation.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { builtStampMs, newestSourceMs } from './build-stamp.mjs';

if (existsSync('tsconfig.build.json') && builtStampMs() < newestSourceMs()) {
  const npm = spawnSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'inherit', 'inherit'] });
  process.exit(npm.status ?? 1);
}
