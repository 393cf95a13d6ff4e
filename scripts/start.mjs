// `npm start`: install what is missing, build the page when its sources changed, serve it as an installed Patchbay does.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensurePage } from './build.mjs';
import { ensureDependencies, orExit } from './setup.mjs';

const program = fileURLToPath(new URL('../bin/patchbay.mjs', import.meta.url));

orExit(() => {
  ensureDependencies();
  ensurePage();
});
const port = process.env.PORT ? ['--port', process.env.PORT] : [];
const server = spawn(process.execPath, [program, 'serve', ...port, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
// A terminal sends Ctrl-C to both; this one waits for the server's last word.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => server.kill('SIGTERM'));
server.on('exit', (code) => process.exit(code ?? 0));
