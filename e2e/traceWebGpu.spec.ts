// The Trace page once on WebGPU, on the software adapter, in the built page with its own engine and the embedded model: the
// same trace as on WASM, cell by cell. One sample of one stream, because a software adapter is slow.

import { existsSync, readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { metricOf } from '../src/experiments/metrics.ts';
import { readTraceResult, type TraceResult } from '../src/experiments/trace/result.ts';
import { encodeLink } from '../src/share/link.ts';
import { watchConsole } from './pageChecks.ts';

const hasModel = existsSync(new URL('../models/tiny-atlas/model.safetensors', import.meta.url));
test.skip(!hasModel, 'models/tiny-atlas is not in this checkout');

const trace = {
  kind: 'trace',
  version: 1,
  model: 'tiny-atlas',
  prompt: 'The Eiffel Tower is located in the city of',
  subject: 'Eiffel Tower',
  corruption: { kind: 'noise', level: { standardDeviations: 3 }, samples: 1, seed: 1 },
  streams: [{ component: 'mlp_output', window: 3 }],
};

/** Open the trace from its link, which runs it, and save what the page has computed. */
async function resultOn(page: Page, backend: 'wasm' | 'webgpu'): Promise<TraceResult> {
  const problems = watchConsole(page);
  await page.goto(`?backend=${backend}${await encodeLink({ trace })}`);
  await expect(page.getByRole('button', { name: /^Device:/ })).toContainText(
    backend === 'wasm' ? 'WASM' : 'WebGPU',
  );
  const figure = page.getByRole('region', { name: /^Where / });
  await expect(figure).toContainText('Computed here', { timeout: 240_000 });
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as JSON' }).click();
  const result = readTraceResult(JSON.parse(readFileSync(await (await saving).path(), 'utf8')));
  expect(result.backend.kind).toBe(backend);
  expect(problems, 'nothing is written to the console').toEqual([]);
  return result;
}

const probabilities = ({ clean, corrupted, streams }: TraceResult): readonly number[] =>
  [clean, corrupted, ...streams.flatMap(({ cells }) => cells)].flatMap((samples) => {
    if (samples === null) throw new Error('The trace is not complete.');
    return metricOf(samples, 'probability');
  });

test('a trace on WebGPU has the numbers that it has on WASM', async ({ page, context }) => {
  test.setTimeout(600_000);
  const onWasm = probabilities(await resultOn(page, 'wasm'));
  const onWebGpu = probabilities(await resultOn(await context.newPage(), 'webgpu'));
  expect(onWasm).toHaveLength(2 + 8 * 11);
  expect(Math.max(...onWasm) - Math.min(...onWasm)).toBeGreaterThan(0.5);
  expect(onWebGpu).toHaveLength(onWasm.length);
  const differences = onWebGpu.map((value, index) => Math.abs(value - (onWasm[index] ?? Number.NaN)));
  expect(Math.max(...differences)).toBeLessThan(1e-3);
});
