// What a hand waits for on the Patch page: from letting go of a cable to the new prediction, in Chromium on WASM, and in the
// same run a plain forward pass of the same prompt by the same engine, from its tokens to its prediction. Layers jump from one
// cable to the next, and every cable is taken away before the next is hung. The page must be built.
//
//     npx tsx bench/patch/cable.ts [MODEL.gguf] [--turns 12]

import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { chromium, type Page } from '@playwright/test';
import { serveFolder } from '../../e2e/staticHost.ts';
import { chromiumExecutable } from '../../scripts/chromium.mjs';
import { scaleOfShares } from '../../src/app/patch/sockets.ts';
import { layoutRack, socketPoint } from '../../src/figures/rack/rackLayout.ts';
import { describeMachine, median } from '../machine.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { turns: { type: 'string', default: '12' } },
});
const [file] = positionals;
const turns = Number(values.turns);
const base = 'When Mary and John went to the store, Mary gave a drink to';
const source = 'When Mary and John went to the store, John gave a drink to';

/** Runs in the page: keeps the engine's worker, and times from a pointer that is let go to a prediction that is current. */
function watchCables(): void {
  const seen: { worker: Worker | null; droppedAt: number; times: number[] } = {
    worker: null,
    droppedAt: Number.NaN,
    times: [],
  };
  Object.defineProperty(window, 'seen', { value: seen });
  const Real = window.Worker;
  Object.defineProperty(window, 'Worker', {
    value: class extends Real {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        seen.worker = this;
      }
    },
  });
  addEventListener('pointerup', () => {
    seen.droppedAt = performance.now();
  });
  const look = () => {
    const card = document.querySelector('.effect[data-stale="false"]');
    const isSaid = /^in \d/.test(card?.querySelector('.card-head span')?.textContent ?? '');
    if (!isSaid || Number.isNaN(seen.droppedAt)) return;
    seen.times.push(performance.now() - seen.droppedAt);
    seen.droppedAt = Number.NaN;
  };
  addEventListener('DOMContentLoaded', () => {
    new MutationObserver(look).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });
  });
}

/** A call of the engine that the page knows nothing of. @returns its milliseconds */
const forward = (page: Page): Promise<number> =>
  page.evaluate(
    (text) =>
      new Promise<number>((resolve, reject) => {
        const { worker } = Reflect.get(window, 'seen') as { worker: Worker };
        const id = 1e9 + Math.floor(performance.now());
        const onMessage = ({ data }: MessageEvent) => {
          if (data.id !== id || data.kind === 'progress') return;
          worker.removeEventListener('message', onMessage);
          if (data.kind === 'result') resolve(data.value.elapsedMs);
          else reject(new Error(data.message));
        };
        worker.addEventListener('message', onMessage);
        worker.postMessage({ kind: 'call', id, name: 'predict', given: { text, count: 10 } });
      }),
    base,
  );

/** Where sockets are drawn while both racks are unfolded. */
async function socketsOf(page: Page, layerCount: number, columns: number) {
  const rack = page.getByRole('grid', { name: /^Sockets of/ });
  await rack.evaluate((grid) => grid.scrollIntoView({ block: 'start' }));
  const box = await rack.boundingBox();
  if (box === null) throw new Error('There is no rack.');
  const part = (run: string) => ({
    run,
    title: run,
    columns: Array.from({ length: columns }, () => ({
      text: '',
      kind: 'token' as const,
      isDifferent: false,
    })),
    layers: Array.from({ length: layerCount }, (_, layer) => layer),
    isFolded: false,
    sockets: [],
  });
  const layout = layoutRack({ parts: [part('source_0'), part('base')], scale: scaleOfShares }, box.width);
  return (run: string, layer: number, column: number) => {
    const point = socketPoint(layout, { run, layer, column });
    if (point === undefined) throw new Error(`There is no socket of ${run} at layer ${layer}.`);
    return { x: box.x + layout.gutter + point.x, y: box.y + point.y };
  };
}

await using host = await serveFolder('dist/page', { isIsolated: true });
const browser = await chromium.launch({ executablePath: chromiumExecutable() ?? '', args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1600, height: 2200 } });
  // tsx marks the names of functions with a helper that the page does not have.
  await page.addInitScript('globalThis.__name = (named) => named');
  await page.addInitScript(watchCables);
  await page.goto(`${host.url}?backend=wasm#intervene`);
  await page.getByText(/^estimated in/).waitFor({ timeout: 120_000 });
  if (file !== undefined) {
    await page
      .getByRole('button', { name: /^Model:/ })
      .first()
      .click();
    await page.getByLabel('Choose files', { exact: true }).last().setInputFiles(file);
    await page.getByRole('button', { name: /^Model: (?!tiny)/ }).waitFor({ timeout: 300_000 });
    if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
  }
  await page.getByRole('textbox', { name: 'Base' }).fill(base);
  await page.getByRole('textbox', { name: 'Source', exact: true }).fill(source);
  await page.locator('.effect-table').waitFor({ timeout: 120_000 });
  await page.getByText(/^estimated in/).waitFor({ timeout: 120_000 });
  const device = (await page.getByRole('button', { name: /^Device:/ }).textContent()) ?? '';
  const columns = await page.locator('.pair-strip').last().locator('.chip:not(.chip-ghost)').count();
  const layerCount = Number(
    /(\d+) layers/.exec((await page.locator('body').textContent()) ?? '')?.[1] ?? (file ? 30 : 8),
  );
  const differing = await page
    .locator('.pair-strip')
    .last()
    .locator('.chip')
    .evaluateAll((chips) => chips.findIndex((chip) => chip.getAttribute('data-different') === 'true'));
  const cables = page.getByRole('region', { name: 'Cables' }).getByRole('listitem');
  const [before = 0] = loadavg();
  const plain: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const layer = (turn * 7 + 3) % layerCount;
    const at = await socketsOf(page, layerCount, columns);
    const [from, to] = [at('source_0', layer, differing), at('base', layer, differing)];
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2, { steps: 3 });
    await page.mouse.move(to.x, to.y, { steps: 3 });
    await page.mouse.up();
    await page.waitForFunction(
      (count) => (Reflect.get(window, 'seen') as { times: number[] }).times.length === count,
      turn + 1,
      { timeout: 120_000 },
    );
    if ((await cables.count()) !== 1) throw new Error('The cable does not hang where it was let go.');
    // What is read at rest, so that nothing else runs beside the pass.
    await page.waitForTimeout(1500);
    plain.push(await forward(page));
    await cables.first().getByRole('button').press('Delete');
    await page.waitForTimeout(300);
  }
  const times = await page.evaluate(() => (Reflect.get(window, 'seen') as { times: number[] }).times);
  const [after = 0] = loadavg();
  const summary = (of: readonly number[]) =>
    `median ${median(of).toFixed(0)} ms, ${Math.min(...of).toFixed(0)} to ${Math.max(...of).toFixed(0)} ms`;
  console.log(`${describeMachine()}; load ${before.toFixed(1)} before, ${after.toFixed(1)} after; ${device}`);
  console.log(`${file ?? 'the embedded model'}: ${layerCount} layers, ${columns} tokens, ${turns} cables`);
  console.log(`first cable: ${times[0]?.toFixed(0)} ms`);
  const later = times.slice(1);
  console.log(`from letting go to the prediction, the others: ${summary(later)}`);
  console.log(`a plain forward pass: ${summary(plain)}`);
  console.log(`in forward passes: ${(median(later) / median(plain)).toFixed(2)}`);
} finally {
  await browser.close();
}
