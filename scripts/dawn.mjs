// Finds Dawn (the npm package `webgpu`) for what tests WebGPU on Node, or installs it for the tests alone: it holds programs
// for six platforms, so that no `npm ci` should bring it along.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the tests run with. */
export const dawnVersion = '0.6.2';

const folder = fileURLToPath(new URL('../.cache/dawn', import.meta.url));
const own = join(folder, 'node_modules/webgpu/index.js');

/** @returns {string | undefined} the module, where somebody has installed it */
export function dawnModule() {
  const named = process.env.PATCHBAY_DAWN;
  if (named) return named;
  try {
    return createRequire(import.meta.url).resolve('webgpu');
  } catch {
    return existsSync(own) ? own : undefined;
  }
}

/** Leave this machine's program alone: the others are five sixths of the package. */
function prune() {
  const programs = join(folder, 'node_modules/webgpu/dist');
  const arch = process.platform === 'darwin' ? 'universal' : process.arch;
  for (const name of readdirSync(programs)) {
    if (name !== `${process.platform}-${arch}` && /^(darwin|linux|win32)-/.test(name))
      rmSync(join(programs, name), { recursive: true });
  }
}

/** Install it when it is not there. @returns {string | undefined} the module; undefined where no registry has it */
export function ensureDawn() {
  const found = dawnModule();
  if (found) return found;
  console.log('Installing Dawn for the tests of WebGPU on Node (once).');
  mkdirSync(folder, { recursive: true });
  const words = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status } = spawnSync('npm', [...words, `webgpu@${dawnVersion}`], { stdio: 'inherit' });
  if (status !== 0 || !existsSync(own)) return undefined;
  prune();
  return own;
}
