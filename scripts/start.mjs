// `npm start`: install what is missing, build the page when its sources changed, serve it.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureDependencies, orExit } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = [
  ...['index.html', 'package-lock.json', 'vite.config.ts', 'scripts/precache.ts'],
  ...['src', 'public', 'models', 'examples'],
];

/** A digest of the names, sizes and times of everything the page is built from. */
function fingerprint() {
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

/** Build `dist/` unless it was built from exactly these sources. */
export function ensureBuilt() {
  const stamp = `${root}.cache/built`;
  const now = fingerprint();
  if (existsSync(`${root}dist/index.html`) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now)
    return;
  const { status } = spawnSync('npx', ['vite', 'build', '--logLevel', 'warn'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The page could not be built; the output above says why.');
  mkdirSync(`${root}.cache`, { recursive: true });
  writeFileSync(stamp, now);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  orExit(() => {
    ensureDependencies();
    ensureBuilt();
  });
  const port = process.env.PORT ?? '4170';
  const server = spawn('npx', ['vite', 'preview', '--port', port], { cwd: root, stdio: 'inherit' });
  server.on('exit', (code) => process.exit(code ?? 0));
}
