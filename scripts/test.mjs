// `npm test`: install what is missing, then run every suite and add them up in one closing line.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensurePage } from './build.mjs';
import { ensureChromium } from './chromium.mjs';
import { ensureDawn } from './dawn.mjs';
import { ensureDependencies, orExit } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = `${root}.cache`;
const total = { passed: 0, failed: 0, skipped: 0 };

const npx = (...args) => spawnSync('npx', args, { cwd: root, stdio: 'inherit' }).status === 0;

/** Count a suite that only passes or fails. */
function check(name, ok) {
  console.log(`${ok ? 'ok' : 'FAILED'}: ${name}`);
  total[ok ? 'passed' : 'failed'] += 1;
}

/** Add the counts of a JSON report; a suite that wrote none, or failed without a failed test, counts as one failure. */
function count(name, ok, file, read) {
  if (!existsSync(file)) return check(`${name} (no report was written)`, false);
  const counts = read(JSON.parse(readFileSync(file, 'utf8')));
  if (!ok && counts.failed === 0) counts.failed = 1;
  for (const key of Object.keys(total)) total[key] += counts[key];
  console.log(`${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
}

orExit(() => {
  ensureDependencies();
  ensureChromium();
  if (!ensureDawn()) console.log('No registry has Dawn, so WebGPU is tested in Chromium alone.');
});
mkdirSync(cache, { recursive: true });
const vitestReport = `${cache}/vitest.json`;
const playwrightReport = `${cache}/playwright.json`;
for (const file of [vitestReport, playwrightReport]) rmSync(file, { force: true });

check('formatter and linter', npx('biome', 'ci', '--error-on-warnings', '--colors=off'));
check('types', npx('tsc', '--noEmit'));
count(
  'unit tests',
  npx('vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${vitestReport}`),
  vitestReport,
  (report) => ({
    passed: report.numPassedTests,
    failed:
      report.numFailedTests +
      report.testResults.filter((f) => f.status === 'failed' && f.assertionResults.length === 0).length,
    skipped: report.numPendingTests + report.numTodoTests,
  }),
);
orExit(ensurePage);
count('browser tests', npx('playwright', 'test'), playwrightReport, (report) => ({
  passed: report.stats.expected,
  failed: report.stats.unexpected + report.stats.flaky + (report.errors?.length ?? 0),
  skipped: report.stats.skipped,
}));

console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 ? 1 : 0);
