// A steering on WebGPU, on the software adapter, in the built page with its own engine and the embedded model: the vector, the
// texts and the sweep that it has on WASM. Few texts and tokens, because a software adapter is slow.

import { existsSync, readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { readSteerResult, type SteerResult } from '../src/experiments/steer/result.ts';
import { vectorData } from '../src/experiments/steer/vectorData.ts';
import { encodeLink } from '../src/share/link.ts';
import { watchConsole } from './pageChecks.ts';

const hasModel = existsSync(new URL('../models/tiny-atlas/model.safetensors', import.meta.url));
test.skip(!hasModel, 'models/tiny-atlas is not in this checkout');

const steer = {
  kind: 'steer',
  version: 1,
  model: 'tiny-atlas',
  vectors: [
    {
      name: 'rome',
      layers: [1],
      from: {
        method: 'difference',
        positive: ['The Trevi Fountain', 'The Spanish Steps', 'The Piazza Navona', 'The Roman Forum'],
        negative: ['The Orsay Museum', 'The Bastille Opera', 'The Pont Neuf', 'The Grand Palais'],
      },
    },
  ],
  // In the prompt and at the new tokens, so that what was kept of the prompt is steered as well.
  edits: [{ vector: 'rome', strength: 0.6, unit: 'relative', prompt: 'all', steps: 'all' }],
  prompts: ['The Louvre Museum can be found in the city of'],
  words: { towards: [' Rome'], away: [' Paris'] },
  generation: { maxNewTokens: 4 },
  candidates: 3,
  sweep: { layers: [1], strengths: [-0.3, 0.3, 0.6], random: 1, maxNewTokens: 2 },
};

/** Open the steering from its link, run it, and save what the page has computed. */
async function resultOn(page: Page, backend: 'wasm' | 'webgpu'): Promise<SteerResult> {
  const problems = watchConsole(page);
  await page.goto(`?backend=${backend}${await encodeLink({ steer })}`);
  await expect(page.getByRole('button', { name: /^Device:/ })).toContainText(
    backend === 'wasm' ? 'WASM' : 'WebGPU',
  );
  // What the other device has computed is kept by the browser, and stands there.
  await page.getByRole('button', { name: /^Run( again)?$/ }).click();
  await expect(page.getByText('Computed here', { exact: true })).toBeVisible({ timeout: 280_000 });
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as JSON' }).click();
  const result = readSteerResult(JSON.parse(readFileSync(await (await saving).path(), 'utf8')));
  expect(result.backend.kind).toBe(backend);
  expect(problems, 'nothing is written to the console').toEqual([]);
  return result;
}

/** Every number of a result that is measured, in one order. */
const numbersOf = ({ vectors, edits, texts, sweep }: SteerResult): readonly number[] =>
  [
    ...vectors.flatMap((vector) => [
      ...vectorData(vector).flatMap((site) => [...site]),
      ...vector.sites.flatMap(({ norm, medianNorm, spread, threshold }) => [
        norm,
        medianNorm,
        spread,
        threshold,
      ]),
    ]),
    ...edits.flatMap(({ sites }) => sites.flatMap(({ raw, relative, sigma }) => [raw, relative, sigma])),
    ...texts.flatMap((own) =>
      (own ?? []).flatMap((text) => [
        text.score,
        text.effect,
        ...text.logProbabilities,
        ...text.divergences,
        ...text.projections.flat(),
      ]),
    ),
    ...(sweep ?? []).flatMap((cells) =>
      (cells ?? []).flatMap((cell) =>
        cell.texts.flatMap(({ effect, logProbability, divergence, projection }) => [
          effect,
          logProbability,
          divergence,
          projection,
        ]),
      ),
    ),
  ].map((value) => value ?? Number.NaN);

const tokensOf = ({ texts, sweep }: SteerResult) => [
  ...texts.flatMap((own) => (own ?? []).map(({ column, tokens }) => [column, ...tokens])),
  ...(sweep ?? []).flatMap((cells) =>
    (cells ?? []).flatMap(({ texts: own }) => own.map(({ tokens }) => tokens)),
  ),
];

test('a steering on WebGPU has the vector, the texts and the sweep that it has on WASM', async ({
  page,
  context,
}) => {
  test.setTimeout(600_000);
  const onWasm = await resultOn(page, 'wasm');
  const onWebGpu = await resultOn(await context.newPage(), 'webgpu');
  const [text, steered] = onWasm.texts[0] ?? [];
  expect(steered?.tokens).not.toEqual(text?.tokens);
  expect(steered?.effect).toBeGreaterThan(1);
  expect(tokensOf(onWebGpu)).toEqual(tokensOf(onWasm));
  const [wasm, webGpu] = [numbersOf(onWasm), numbersOf(onWebGpu)];
  expect(wasm.every(Number.isFinite)).toBe(true);
  expect(webGpu).toHaveLength(wasm.length);
  // In the size of each number, where it is more than one: projections are lengths.
  const differences = webGpu.map((value, at) => {
    const own = wasm[at] ?? Number.NaN;
    return Math.abs(value - own) / Math.max(1, Math.abs(own));
  });
  expect(Math.max(...differences)).toBeLessThan(1e-3);
});
