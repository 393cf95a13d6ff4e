// npx tsx bench/page/run.ts [--turns 3] [--host bare] [--built DIR] [--list]
// The first visit: the built page on a host of static files that compresses with gzip, in a Chromium that has never seen it.
// Seconds and bytes until the stored figure stands and until an own run can start, then the run itself (the Eiffel example
// on the embedded model: three streams, ten samples, WASM), once with the runtime's program just compiled, which the browser
// does over again while it runs, and once more: its first cells, its whole figure, and the tasks that kept the
// page's thread for more than 50 ms, by the clock and by the processor time they had. `--host bare` sends no headers of cross-origin isolation, as simple hosts do.

import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { chromium } from '@playwright/test';
import { type StaticHost, serveFolder } from '../../e2e/staticHost.ts';
import { chromiumExecutable } from '../../scripts/chromium.mjs';
import { describeMachine, median } from '../machine.ts';
import { type Task, watchTasks } from './mainThread.ts';
import { type Seen, watchPage } from './watch.ts';

const { values } = parseArgs({
  options: {
    turns: { type: 'string', default: '3' },
    host: { type: 'string', default: 'isolated' },
    built: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

interface Visit {
  readonly seen: Seen;
  readonly device: string;
  readonly isIsolated: boolean;
  readonly sent: StaticHost['sent'];
  /** Of the page's own thread. */
  readonly tasks: readonly Task[];
  /** The host's clock when the page was asked for. */
  readonly startedMs: number;
}

async function visit(): Promise<Visit> {
  await using host = await serveFolder(values.built ?? 'dist/page', {
    isIsolated: values.host === 'isolated',
  });
  const browser = await chromium.launch({
    executablePath: chromiumExecutable() ?? '',
    args: ['--no-sandbox'],
  });
  try {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    // tsx marks the names of functions with a helper that the page does not have.
    await page.addInitScript('globalThis.__name = (named) => named');
    await page.addInitScript(watchPage);
    const tasksUntilNow = await watchTasks(page);
    const startedMs = performance.now();
    await page.goto(`${host.url}?backend=wasm`);
    // The names of the script above.
    await page.waitForFunction(
      () => (window as unknown as { seen: Seen }).seen.runs[1]?.whole != null,
      null,
      {
        timeout: 120_000,
      },
    );
    const tasks = await tasksUntilNow();
    const seen = await page.evaluate(() => (window as unknown as { seen: Seen }).seen);
    const device = (await page.getByRole('button', { name: /^Device:/ }).textContent()) ?? '';
    const isIsolated = await page.evaluate(() => crossOriginIsolated);
    return { seen, device, isIsolated, sent: [...host.sent], tasks, startedMs };
  } finally {
    await browser.close();
  }
}

const bytesUntil = ({ sent, startedMs }: Visit, ms: number | undefined): number =>
  sent
    .filter(({ atMs }) => atMs - startedMs <= (ms ?? Number.NaN))
    .reduce((sum, { bytes }) => sum + bytes, 0);
/** What the figure waits for: what was sent up to the stored result. */
const figureBytes = (each: Visit): number => {
  const result = each.sent.find(({ path }) => path.startsWith('assets/eiffel-tower'));
  return bytesUntil(each, (result?.atMs ?? Number.NaN) - each.startedMs);
};

if (values.built === undefined)
  execFileSync('npx', ['vite', 'build', '--logLevel', 'error'], { stdio: 'inherit' });
const [before = 0] = loadavg();
const visits: Visit[] = [];
for (let turn = 0; turn < Number(values.turns); turn += 1) visits.push(await visit());
const [after = 0] = loadavg();

const middle = (of: (visit: Visit) => number | null): number =>
  median(visits.map((visit) => of(visit) ?? Number.NaN));
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const size = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
const longMs = 50;
/** How many tasks were long and how long the longest was, by the clock and by processor time; how much there was of that. */
function thread({ tasks }: Visit, isRun: boolean) {
  const own = tasks.filter((task) => task.isRun === isRun);
  const summary = (of: readonly number[]) => ({
    longCount: of.filter((ms) => ms > longMs).length,
    longest: Math.max(0, ...of),
    all: of.reduce((sum, ms) => sum + ms, 0),
  });
  return {
    clock: summary(own.map(({ ms }) => ms)),
    processor: summary(own.map(({ processorMs }) => processorMs)),
  };
}

const [first] = visits;
console.log(`${describeMachine()}; load ${before.toFixed(1)} before, ${after.toFixed(1)} after`);
console.log(
  `${values.turns} first visits, the middle one of each figure; gzip; ${first?.device}, cross-origin isolated: ${first?.isIsolated}`,
);
const runRows = ([0, 1] as const).flatMap((turn): readonly (readonly [string, string, string])[] => {
  const since = (of: 'firstCells' | 'whole') =>
    middle(({ seen }) => (seen.runs[turn]?.[of] ?? Number.NaN) - (seen.runs[turn]?.pressed ?? 0));
  const which = turn === 0 ? 'Run' : 'Run again';
  return [
    [`from ${which} to the first cells`, seconds(since('firstCells')), ''],
    [`from ${which} to the whole figure`, seconds(since('whole')), ''],
  ];
});
const rows: readonly (readonly [string, string, string])[] = [
  ['the stored figure stands', seconds(middle(({ seen }) => seen.figure)), size(middle(figureBytes))],
  [
    'an own run can start',
    seconds(middle(({ seen }) => seen.runs[0]?.pressed ?? null)),
    size(middle((each) => bytesUntil(each, each.seen.runs[0]?.pressed))),
  ],
  ...runRows,
  ...[false, true].flatMap((isRun) => {
    const when = isRun ? 'during both runs' : 'before Run';
    return (['clock', 'processor'] as const).map((measure): readonly [string, string, string] => {
      const of = (each: Visit) => thread(each, isRun)[measure];
      return [
        `tasks over ${longMs} ms ${when}, ${measure}`,
        String(middle((each) => of(each).longCount)),
        `longest ${middle((each) => of(each).longest).toFixed(0)} ms of ${seconds(middle((each) => of(each).all))}`,
      ];
    });
  }),
];
for (const [what, one, other] of rows)
  console.log(`${what.padEnd(44)}${one.padStart(9)}  ${other.padStart(26)}`);

if (values.list && first) {
  for (const { path, bytes, atMs } of first.sent) {
    console.log(
      `${seconds(atMs - first.startedMs).padStart(8)} ${String(bytes).padStart(9)} ${path || 'index.html'}`,
    );
  }
}
