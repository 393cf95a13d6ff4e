// Builds what was changed since it was built: the page into dist/page, and with `node scripts/build.mjs` all that a package
// holds (docs/package.md): the library for Node and for browsers, the command line, the declarations.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureDependencies, orExit } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const pageSources = [
  ...[
    'index.html',
    'package-lock.json',
    'vite.config.ts',
    'scripts/build.mjs',
    'scripts/precache.ts',
    'scripts/workerLicences.ts',
  ],
  ...['src', 'public', 'models', 'examples'],
];
const packageSources = [
  ...pageSources,
  ...['package.json', 'tsconfig.json', 'tsconfig.library.json', 'vite.package.config.ts'],
  'scripts/declarations.mjs',
];

/** A digest of the names, sizes and times of everything that something is built from. */
function fingerprint(sources) {
  const hash = createHash('sha256');
  const visit = (path) => {
    if (!existsSync(path)) return;
    const stat = statSync(path);
    if (stat.isDirectory()) for (const name of readdirSync(path).sort()) visit(`${path}/${name}`);
    else hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`);
  };
  for (const source of sources) visit(`${root}${source}`);
  return hash.digest('hex');
}

function run(what, program, args, env = {}) {
  const { status } = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    // What is handed out is the same whoever builds it; a test runner, for one, names another environment.
    env: { ...process.env, NODE_ENV: 'production', ...env },
  });
  if (status !== 0) throw new Error(`${what} could not be built; the output above says why.`);
}

/** Call `build` unless what it made lies at `result` and was made from exactly these sources. */
function ensure(name, sources, result, build) {
  const stamp = `${root}.cache/built-${name}`;
  const now = fingerprint(sources);
  if (existsSync(`${root}${result}`) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return;
  build();
  mkdirSync(`${root}.cache`, { recursive: true });
  writeFileSync(stamp, now);
}

/** Build the page unless it was built from exactly these sources. */
export function ensurePage() {
  ensure('page', pageSources, 'dist/page/index.html', () =>
    run('The page', 'npx', ['vite', 'build', '--logLevel', 'warn']),
  );
}

/** Build all of the package, the same way. */
export function ensurePackage() {
  ensurePage();
  ensure('package', packageSources, 'dist/types/library/patchbay.d.ts', () => {
    const vite = ['vite', 'build', '--config', 'vite.package.config.ts', '--logLevel', 'warn'];
    for (const target of ['node', 'browser']) {
      run(`The library for ${target}`, 'npx', vite, { PATCHBAY_PACKAGE: target });
    }
    rmSync(`${root}.cache/declarations`, { recursive: true, force: true });
    run('The declarations', 'npx', ['tsc', '-p', 'tsconfig.library.json']);
    run('The declarations', process.execPath, ['scripts/declarations.mjs']);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  orExit(() => {
    ensureDependencies();
    ensurePackage();
  });
}
