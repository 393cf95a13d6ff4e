import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { batchCells } from './cells.ts';
import { cellByCell, differencesOf, largestGap } from './directRuns.ts';
import { type PatchExperimentFile, readPatchExperiment } from './experiment.ts';
import { estimatePatch, planCells } from './plan.ts';
import { type ResolvedPatch, resolvePatch } from './resolve.ts';
import { isPatchComplete, type PatchResult, readPatchResult } from './result.ts';
import { preparePatch } from './run.ts';
import { completePatch, growPatch } from './work.ts';

const clean = [3, 17, 8, 25, 1, 30, 12];
const corrupted = [3, 17, 21, 25, 4, 30, 12];

const plain = {
  kind: 'patch',
  version: 1,
  model: 'tiny',
  pairs: [{ clean, corrupted, answer: 7, distractor: 9 }],
} as const;

/** All logits of these models lie between -30 and 30. */
const bound = 5e-5;

describe.each(['gpt2', 'mistral', 'gpt_neox'] as const)('a patch of %s', (family) => {
  let backend: Backend;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    model = await Model.load(tinyCheckpoint(tinyConfigurations[family]), backend);
  });
  afterAll(async () => {
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  });

  const resolve = (more: Partial<PatchExperimentFile> = {}): ResolvedPatch =>
    resolvePatch(model.architecture, undefined, readPatchExperiment({ ...plain, ...more }));

  const sweeps: PatchExperimentFile['sweeps'] = [
    { component: 'block_output', by: 'position' },
    { component: 'block_input', by: 'position', window: 2 },
    { component: 'mlp_output', by: 'position', window: 2, positions: [1, 4] },
    { component: 'head_attention_value_output', by: 'head' },
    { component: 'head_key_output', by: 'head', positions: [4, 2] },
    { component: 'head_query_output', by: 'head-position', heads: [1], positions: 'last' },
    { component: 'head_value_output', by: 'position', heads: [0], window: 3 },
    { component: 'attention_weight', by: 'head' },
  ];

  test('every cell equals the run that edits it from the first token on', async () => {
    const patch = resolve({ sweeps });
    const result = await completePatch(model, patch);
    expect(isPatchComplete(result)).toBe(true);
    expect(
      largestGap(differencesOf(result), await cellByCell(model, patch, () => [corrupted, clean])),
    ).toBeLessThan(bound);
  });

  test('corrupted activations put into the clean run equal the run from the first token on', async () => {
    const patch = resolve({ sweeps, direction: 'corrupt' });
    expect(
      largestGap(
        differencesOf(await completePatch(model, patch)),
        await cellByCell(model, patch, () => [clean, corrupted]),
      ),
    ).toBeLessThan(bound);
  });

  test('pairs of several lengths are patched by head, each for itself', async () => {
    const pairs = [
      { clean, corrupted, answer: 7, distractor: 9 },
      { clean: [5, 2, 11, 6], corrupted: [5, 13, 11, 6], answer: 1, distractor: 2 },
      // Here the two differ at the last token only, so 'head_key_output' at position 1 and 2 changes nothing.
      { clean: [5, 2, 11, 6, 14], corrupted: [5, 2, 11, 6, 15], answer: 3, distractor: 4 },
    ];
    const patch = resolve({
      pairs,
      sweeps: [
        { component: 'head_attention_value_output', by: 'head' },
        { component: 'head_key_output', by: 'head', positions: [1, 2] },
        { component: 'head_query_output', by: 'head', positions: 'last' },
      ],
    });
    const result = await completePatch(model, patch);
    expect(
      largestGap(
        differencesOf(result),
        await cellByCell(model, patch, (pair) => [pairs[pair]?.corrupted ?? [], pairs[pair]?.clean ?? []]),
      ),
    ).toBeLessThan(bound);
  });

  test('more pairs than one plan takes keep their order', async () => {
    const pairs = Array.from({ length: 19 }, (_, index) => ({
      clean: [5, index, 11, 6],
      corrupted: [5, 30 - index, 11, 6],
      answer: index,
      distractor: 20,
    })).filter(({ clean: one, corrupted: other }) => one[1] !== other[1]);
    const together = await completePatch(
      model,
      resolve({ pairs, sweeps: [{ component: 'mlp_output', positions: [1] }] }),
    );
    for (const [index, pair] of pairs.entries()) {
      const alone = await completePatch(
        model,
        resolve({ pairs: [pair], sweeps: [{ component: 'mlp_output', positions: [1] }] }),
      );
      const at = (result: PatchResult, place: number) =>
        differencesOf(result).flatMap((cells) => cells.map((values) => values[place] ?? Number.NaN));
      at(alone, 0).forEach((value, cell) => {
        expect(at(together, index)[cell]).toBeCloseTo(value, 4);
      });
      expect(together.clean.rank[index]).toBe(alone.clean.rank[0]);
    }
  });

  const alone = [{ clean, answer: 7, distractor: 9 }];

  test('the estimate is what the scheduler counts, and progress reaches it', async () => {
    const files: readonly Partial<PatchExperimentFile>[] = [
      {},
      { direction: 'corrupt', sweeps },
      { pairs: alone, ablation: { kind: 'zero' }, sweeps },
      { pairs: [{ clean: [1, 2, 3], corrupted: [4, 2, 3] }], sweeps: [{ component: 'attention_weight' }] },
      {
        pairs: Array.from({ length: 21 }, (_, index) => ({
          clean: [5, 9, 11, index],
          corrupted: index % 2 === 0 ? [5, 8, 11, index] : [5, 9, 12, index],
        })),
      },
    ];
    for (const more of files) {
      const patch = resolve(more);
      const { ablated: ablatedWith } = await preparePatch(model, patch);
      const { layerCount } = model.architecture;
      const whole = patch.pairs.flatMap((pair) => [pair.clean, ...(pair.corrupted ? [pair.corrupted] : [])]);
      let [rowLayers, count] = [whole.length * layerCount, whole.length];
      let tokenLayers = layerCount * whole.reduce((sum, { tokens }) => sum + tokens.length, 0);
      for (const { cells, slices } of batchCells(patch, model.architecture)) {
        for (const { from, to } of slices) {
          const sources = ablatedWith ? { ablated: ablatedWith } : {};
          const { plan } = planCells(patch, model.architecture, cells, patch.cases.slice(from, to), sources);
          const scheduled = model.schedule(plan);
          rowLayers += scheduled.rowLayers;
          tokenLayers += scheduled.tokenLayers;
          count += plan.rows.length;
        }
      }
      expect(estimatePatch(model.architecture, patch)).toMatchObject({ rowLayers, tokenLayers, rows: count });
    }
    const seen: [number, number][] = [];
    const patch = resolve();
    await completePatch(model, patch, { onProgress: (done, total) => seen.push([done, total]) });
    const { rowLayers, cells } = estimatePatch(model.architecture, patch);
    expect(cells).toBe(3 * 3 * clean.length);
    expect(new Set(seen.map(([, total]) => total))).toEqual(new Set([rowLayers]));
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b));
    expect(seen.at(-1)?.[0]).toBe(rowLayers);
  });

  test('a stopped patch keeps its cells, frees its tensors, and goes on to the same numbers', async () => {
    const patch = resolve({ sweeps });
    const before = backend.liveTensors;
    const prepared = await preparePatch(model, patch);
    const controller = new AbortController();
    let kept: PatchResult | undefined;
    let yielded = 0;
    const stopped = async () => {
      for await (const result of growPatch(model, prepared, { signal: controller.signal })) {
        kept = result;
        yielded += 1;
        // The baselines, what changes nothing, and one batch.
        if (yielded === 3) controller.abort();
      }
    };
    await expect(stopped()).rejects.toThrow('abort');
    expect(backend.liveTensors).toBe(before);
    if (!kept) throw new Error('Nothing was kept.');
    expect(isPatchComplete(kept)).toBe(false);
    let resumed: PatchResult = kept;
    for await (const result of growPatch(model, prepared, { earlier: kept })) resumed = result;
    expect(resumed).toEqual(await completePatch(model, patch));
  });

  test('a result survives being written and read', async () => {
    const result = await completePatch(model, resolve({ sweeps }));
    expect(readPatchResult(JSON.parse(JSON.stringify(result)))).toEqual(result);
  });

  test('the model’s own prediction is the answer where none is given', async () => {
    const {
      pairs,
      clean: measured,
      notices,
    } = await completePatch(model, resolve({ pairs: [{ clean, corrupted }] }));
    expect(measured.topIds[0]?.[0]).toBe(pairs[0]?.answer.id);
    expect(measured.rank).toEqual([1]);
    expect(notices.map(({ code }) => code)).not.toContain('answer-not-predicted');
    const other = await completePatch(model, resolve());
    expect(other.notices.map(({ code }) => code).includes('answer-not-predicted')).toBe(
      other.clean.rank[0] !== 1,
    );
  });
});
