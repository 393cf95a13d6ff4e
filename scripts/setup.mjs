// Brings node_modules in step with package-lock.json, once. Uses nothing but Node, so it runs in a bare clone.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.patchbay-installed`;

/** Install the locked dependencies unless exactly these are installed already. */
export function ensureDependencies() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  // What Vite runs on.
  const isKnown = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
  if (!isKnown) {
    throw new Error(
      `Patchbay needs Node 20.19, or 22.12 or newer; this is Node ${process.versions.node}. Install one of these.`,
    );
  }
  const lock = createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('Installing dependencies (once).');
  // The configuration of the build reads vitest's as well, so NODE_ENV=production must not leave it out.
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
