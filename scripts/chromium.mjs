// Finds a Chromium for the browser tests, or installs one: by apt where this user may, by Playwright elsewhere.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const candidates = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** @returns {string | undefined} the path of an installed Chromium, Playwright's own included */
export function chromiumExecutable() {
  const named = process.env.PATCHBAY_CHROMIUM;
  if (named) return named;
  const system = candidates.find((path) => existsSync(path));
  if (system) return system;
  const own = spawnSync(
    process.execPath,
    ['-e', "process.stdout.write(require('playwright-core').chromium.executablePath())"],
    // Found from here, wherever the command was given.
    { encoding: 'utf8', cwd: import.meta.dirname },
  ).stdout;
  return own && existsSync(own) ? own : undefined;
}

/** Install Chromium when none is there. Throws a sentence with the remedy when it cannot. */
export function ensureChromium() {
  const found = chromiumExecutable();
  if (found) return found;
  console.log('No Chromium found: installing one for the browser tests.');
  const root = process.getuid?.() === 0;
  const sudo = !root && spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : [];
  if (existsSync('/usr/bin/apt-get') && (root || sudo.length > 0)) {
    const apt = [...sudo, 'apt-get'];
    spawnSync(apt[0], [...apt.slice(1), 'update', '-qq'], { stdio: 'inherit' });
    spawnSync(apt[0], [...apt.slice(1), 'install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
      stdio: 'inherit',
    });
    const installed = chromiumExecutable();
    if (installed) return installed;
  }
  try {
    execFileSync('npx', ['playwright', 'install', 'chromium'], { stdio: 'inherit' });
  } catch {
    // The message below says what to do; Playwright has printed its own reason.
  }
  const installed = chromiumExecutable();
  if (installed) return installed;
  throw new Error(
    'The browser tests need Chromium, and it could not be installed here. Install it yourself ' +
      '(Debian: apt-get install chromium) or set PATCHBAY_CHROMIUM to its path, then run npm test again.',
  );
}
