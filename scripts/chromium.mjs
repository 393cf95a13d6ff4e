// Finds a Chromium for the browser tests, or installs one: by apt where this user may, by Playwright elsewhere. The page is tested in
// Chromium's headless shell where Debian has it: the same engine without the windows, menus and start pages that every test's new
// context otherwise builds (0.15 s of processor time for 1.5).
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const candidates = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const headlessShell = '/usr/bin/chromium-headless-shell';
/** Holds why the shell was not installed, so that a second run does not try again. */
const withoutShell = join(import.meta.dirname, '..', '.cache', 'no-headless-shell');

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

/** @returns {string | undefined} the path of the browser that tests of the page run in: the headless shell, or any Chromium */
export function pageTestExecutable() {
  if (!process.env.PATCHBAY_CHROMIUM && existsSync(headlessShell)) return headlessShell;
  return chromiumExecutable();
}

/** @returns {string[] | undefined} how apt-get is called, or undefined where there is none or this user may not */
function aptGet() {
  if (!existsSync('/usr/bin/apt-get')) return undefined;
  if (process.getuid?.() === 0) return ['apt-get'];
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n', 'apt-get'] : undefined;
}

/**
 * @param {readonly string[]} apt
 * @param {readonly string[]} packages
 * @returns {boolean} whether apt-get installed them
 */
function aptInstall(apt, packages) {
  const [command = '', ...before] = apt;
  const run = (...args) => spawnSync(command, [...before, ...args], { stdio: 'inherit' }).status === 0;
  run('update', '-qq');
  return run('install', '-y', '-qq', '--no-install-recommends', ...packages);
}

/** Install the headless shell beside a Debian Chromium, once; where it cannot be, tests run in Chromium itself. */
function ensureHeadlessShell() {
  if (process.env.PATCHBAY_CHROMIUM || existsSync(headlessShell) || existsSync(withoutShell)) return;
  const apt = existsSync('/usr/bin/chromium') ? aptGet() : undefined;
  if (!apt) return;
  console.log('Installing Chromium’s headless shell for the browser tests.');
  if (aptInstall(apt, ['chromium-headless-shell']) && existsSync(headlessShell)) return;
  console.log('It is not to be had here: the page is tested in Chromium itself, which takes longer.');
  mkdirSync(dirname(withoutShell), { recursive: true });
  writeFileSync(
    withoutShell,
    'apt-get has no chromium-headless-shell. Delete this file to have npm test try again.\n',
  );
}

/** Install Chromium, and its headless shell, when they are not there. Throws a sentence with the remedy when it cannot. */
export function ensureChromium() {
  if (!chromiumExecutable()) installChromium();
  ensureHeadlessShell();
}

function installChromium() {
  console.log('No Chromium found: installing one for the browser tests.');
  const apt = aptGet();
  if (apt) {
    aptInstall(apt, ['chromium', 'chromium-headless-shell']) || aptInstall(apt, ['chromium']);
    if (chromiumExecutable()) return;
  }
  try {
    execFileSync('npx', ['playwright', 'install', 'chromium'], { stdio: 'inherit' });
  } catch {
    // The message below says what to do; Playwright has printed its own reason.
  }
  if (chromiumExecutable()) return;
  throw new Error(
    'The browser tests need Chromium, and it could not be installed here. Install it yourself ' +
      '(Debian: apt-get install chromium) or set PATCHBAY_CHROMIUM to its path, then run npm test again.',
  );
}
