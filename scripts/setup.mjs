// Brings node_modules in step with package-lock.json, once. Uses nothing but Node, so it runs in a bare clone.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { requireNode } from '../bin/nodeVersion.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.patchbay-installed`;

/** Install the locked dependencies unless exactly these are installed already. */
export function ensureDependencies() {
  requireNode();
  const lock = createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('Installing dependencies (once).');
  // All that builds and tests is for development; NODE_ENV=production must not leave it out.
  const { status } = spawnSync('npm', ['ci', '--include=dev'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('npm ci failed; its output above says why.');
  writeFileSync(stamp, lock);
}

/** Do `work`; when it throws, print its sentence without a stack and end with exit code 1. */
export function orExit(work) {
  try {
    return work();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) orExit(ensureDependencies);
