// npx tsx bench/align/tab.ts [--layer 3] [--position name] [--backend wasm] [--turns 3]
// Training in the tab: the built page with the embedded model trains one direction for the gender of a name, 200 steps of 16
// examples. Seconds for the steps (all but the first, which compiles), with the evaluations between them, and before them; the
// median step, and the longest time between two frames of the page meanwhile.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { chromium, expect } from '@playwright/test';
import { alignInPage, keepEngine, type TrainedInPage } from '../../e2e/engineOfPage.ts';
import { serveFolder } from '../../e2e/staticHost.ts';
import { chromiumExecutable } from '../../scripts/chromium.mjs';
import { readAlignExperiment } from '../../src/experiments/align/experiment.ts';
import { describeMachine, median } from '../machine.ts';

const { values } = parseArgs({
  options: {
    layer: { type: 'string', default: '3' },
    position: { type: 'string', default: 'name' },
    backend: { type: 'string', default: 'wasm' },
    turns: { type: 'string', default: '3' },
    epochs: { type: 'string', default: '20' },
  },
});
const example = new URL('../../examples/align/gender-sites.json', import.meta.url);
const experiment = readAlignExperiment({
  ...JSON.parse(readFileSync(example, 'utf8')),
  site: { component: 'block_output', layer: Number(values.layer), position: values.position },
  training: { batchSize: 16, epochs: Number(values.epochs), learningRate: 0.01 },
});

async function turn(): Promise<TrainedInPage & { readonly device: string }> {
  await using host = await serveFolder('dist/page', { isIsolated: true });
  const browser = await chromium.launch({
    executablePath: chromiumExecutable() ?? '',
    args: ['--no-sandbox', '--enable-unsafe-webgpu'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    // tsx marks the names of functions with a helper that the page does not have.
    await page.addInitScript('globalThis.__name = (named) => named');
    await keepEngine(page);
    await page.goto(`${host.url}?backend=${values.backend}`);
    await expect(page.getByRole('region', { name: /^Where |^Figure/ })).toContainText(/Reproduced here/, {
      timeout: 120_000,
    });
    const device = (await page.getByRole('button', { name: /^Device:/ }).textContent()) ?? '';
    return { ...(await alignInPage(page, experiment)), device };
  } finally {
    await browser.close();
  }
}

execFileSync('npx', ['vite', 'build', '--logLevel', 'error'], { stdio: 'inherit' });
const [before = 0] = loadavg();
const turns: (TrainedInPage & { readonly device: string })[] = [];
for (let made = 0; made < Number(values.turns); made += 1) turns.push(await turn());
const middle = (of: (each: TrainedInPage) => number): number => median(turns.map(of));
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
/** From one step to the next, evaluations between epochs left out. */
const stepMs = ({ stepsMs, epochsMs }: TrainedInPage): readonly number[] => {
  const ends = new Set(epochsMs);
  const all = [...stepsMs, ...epochsMs].toSorted((a, b) => a - b);
  return all.slice(1).flatMap((ms, at) => (ends.has(ms) ? [] : [ms - (all[at] ?? 0)]));
};
const [first] = turns;
const [site] = first?.result.sites ?? [];
console.log(`${describeMachine()}; load ${before.toFixed(1)} before; ${first?.device}`);
console.log(
  `layer ${values.layer}, position ${values.position}, ${first?.stepsMs.length} steps of 16 examples, the middle of ${values.turns}`,
);
console.log(`before the first step       ${seconds(middle(({ beganMs }) => beganMs))}`);
console.log(
  `all steps                   ${seconds(middle((each) => stepMs(each).reduce((a, b) => a + b, 0)))}`,
);
console.log(
  `with evaluations            ${seconds(middle(({ elapsedMs, beganMs }) => elapsedMs - beganMs))}`,
);
console.log(`one step, the median        ${middle((each) => median(stepMs(each))).toFixed(1)} ms`);
console.log(`longest between two frames  ${middle(({ longestFrameMs }) => longestFrameMs).toFixed(0)} ms`);
console.log(`test IIA ${site?.final?.testAccuracy}, control ${site?.final?.controlAccuracy}`);
