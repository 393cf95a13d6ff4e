// Patches of models that read more than a text: cell by cell what PyTorch gives (expected/make_patches.py), what they cost, and
// what is refused.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyT5 } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { conformanceModel } from '../fixtures/conformanceModel.ts';
import { patchesSchema, secondsSchema } from '../inputParts.ts';
import { metricOf } from '../metrics.ts';
import { runRow } from '../planRuns.ts';
import { ablatedActivations } from './ablation.ts';
import { batchCells } from './cells.ts';
import { callSchema, inputsOf, pairOf } from './expected/calls.ts';
import { type PatchExperimentFile, readPatchExperiment } from './experiment.ts';
import { patchFigures } from './figure.ts';
import { patchCsv } from './grid.ts';
import type { PairInputs } from './pairInputs.ts';
import { baselineRuns, estimatePatch, planCells } from './plan.ts';
import { type ResolvedPatch, resolvePatch } from './resolve.ts';
import { isPatchComplete, type PatchResult, readPatchResult } from './result.ts';
import { preparePatch } from './run.ts';
import { patchSummary } from './summary.ts';
import { completePatch, growPatch } from './work.ts';

const numbers = v.array(v.number());
const expectedSchema = v.object({
  patches: v.record(
    v.string(),
    v.object({
      folder: v.string(),
      direction: v.picklist(['restore', 'corrupt']),
      ablation: v.optional(v.literal('zero')),
      parts: v.optional(v.number()),
      pairs: v.array(
        v.object({
          clean: callSchema,
          corrupted: v.optional(callSchema),
          exchanged: v.optional(v.union([patchesSchema, secondsSchema])),
        }),
      ),
      answers: numbers,
      clean: numbers,
      corrupted: v.nullable(numbers),
      sweeps: v.array(
        v.object({
          component: v.string(),
          by: v.picklist(['position', 'head', 'head-position']),
          window: v.number(),
          cells: v.array(numbers),
        }),
      ),
    }),
  ),
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const { patches } = v.parse(
  expectedSchema,
  JSON.parse(readFileSync(here('./expected/patches.expected.json'), 'utf8')),
);

describe.each(Object.keys(patches))('a patch of %s', (name) => {
  const expected = patches[name];
  if (!expected) throw new Error(`There are no numbers for ${name}.`);
  let backend: Backend;
  let model: Model;
  let close: () => Promise<void>;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    const checkpoint = await conformanceModel(expected.folder);
    close = () => checkpoint.close();
    model = await Model.load(checkpoint, backend);
  });
  afterAll(async () => {
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
    await close();
  });

  const resolve = (more: Partial<PatchExperimentFile> = {}, pairs = expected.pairs): ResolvedPatch => {
    const { ablation, direction, parts, sweeps } = expected;
    const experiment = readPatchExperiment({
      kind: 'patch',
      version: 1,
      model: name,
      pairs: pairs.map(pairOf),
      ...(ablation ? { ablation: { kind: ablation } } : { direction }),
      ...(parts === undefined ? {} : { parts }),
      sweeps: sweeps.map(({ component, by, window }) => ({ component, by, window })),
      ...more,
    });
    return resolvePatch(model.architecture, undefined, experiment, inputsOf(pairs));
  };

  test('every cell is what PyTorch gives', async () => {
    const result = await completePatch(model, resolve());
    expect(isPatchComplete(result)).toBe(true);
    expect(result.pairs.map(({ answer }) => answer.id)).toEqual(expected.answers);
    expect(result.panels.map(({ cells }) => cells.length)).toEqual(
      expected.sweeps.map(({ cells }) => cells.length),
    );
    const check = (found: readonly number[], wanted: readonly number[]) => {
      expect(found).toHaveLength(wanted.length);
      found.forEach((value, pair) => {
        expect(Math.abs(value - (wanted[pair] ?? Number.NaN))).toBeLessThan(1e-4);
      });
    };
    check(metricOf(result.clean, 'logProbability'), expected.clean);
    if (expected.corrupted)
      check(result.corrupted ? metricOf(result.corrupted, 'logProbability') : [], expected.corrupted);
    for (const [panel, { cells }] of expected.sweeps.entries())
      for (const [cell, wanted] of cells.entries()) {
        const samples = result.panels[panel]?.cells[cell];
        check(samples ? metricOf(samples, 'logProbability') : [], wanted);
      }
  });

  test('the estimate is what the scheduler counts, and progress reaches it', async () => {
    const directions = expected.ablation ? [{}] : [{ direction: 'corrupt' }, { direction: 'restore' }];
    const [first] = expected.pairs;
    const lists = first ? [expected.pairs, [first]] : [];
    for (const pairs of lists)
      for (const more of directions as Partial<PatchExperimentFile>[]) {
        const patch = resolve(more, pairs);
        const ablated = await ablatedActivations(model, patch.ablation, patch.panels);
        let [rowLayers, tokenLayers, rows] = [0, 0, 0];
        const count = (plan: Parameters<Model['schedule']>[0]) => {
          const scheduled = model.schedule(plan);
          rowLayers += scheduled.rowLayers;
          tokenLayers += scheduled.tokenLayers;
          rows += plan.rows.length;
        };
        const logits = (row: number) => ({
          row,
          site: { component: 'logits', layer: null },
          location: { positions: [patch.pairs[0]?.watched ?? 0] },
        });
        for (const runs of baselineRuns(patch))
          count({ rows: runs.map(runRow), reads: runs.map((_, row) => logits(row)) });
        for (const { cells, slices } of batchCells(patch, model.architecture))
          for (const { from, to } of slices) {
            const sources = ablated ? { ablated } : {};
            count(planCells(patch, model.architecture, cells, patch.cases.slice(from, to), sources).plan);
          }
        expect(estimatePatch(model.architecture, patch)).toMatchObject({ rowLayers, tokenLayers, rows });
        const seen: number[] = [];
        await completePatch(model, patch, { onProgress: (done) => seen.push(done) });
        expect(seen.at(-1)).toBe(rowLayers);
      }
  });

  test('a result survives being written and read, and a stopped patch goes on to the same numbers', async () => {
    const patch = resolve();
    const whole = await completePatch(model, patch);
    expect(readPatchResult(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
    const prepared = await preparePatch(model, patch);
    let kept: PatchResult | undefined;
    for await (const result of growPatch(model, prepared)) {
      kept = result;
      break;
    }
    if (!kept) throw new Error('Nothing was kept.');
    let resumed: PatchResult = kept;
    for await (const result of growPatch(model, prepared, { earlier: kept })) resumed = result;
    expect(resumed).toEqual(whole);
  });

  test('every panel has a figure with its own layers, lines of the table, and a place in the text', async () => {
    const result = await completePatch(model, resolve());
    const figures = patchFigures(result);
    const drawn = figures.flatMap(({ panels, layers }) =>
      panels.flatMap(({ values }) => values.map((column) => [column.length, layers.length])),
    );
    for (const [cells, layers] of drawn) expect(cells).toBe(layers);
    const cellCount = result.panels.reduce((sum, { cells }) => sum + cells.length, 0);
    expect(figures.flatMap(({ panels }) => panels.flatMap(({ values }) => values.flat()))).toHaveLength(
      cellCount,
    );
    const baselines = result.corrupted ? 2 : 1;
    expect(patchCsv(result).trim().split('\n')).toHaveLength(1 + baselines + cellCount);
    const text = patchSummary(result, 'probability', { hasColours: false, columns: 80 });
    for (const { component } of expected.sweeps) expect(text).toContain(component);
  });
});

describe('what is refused', () => {
  const t5 = describeArchitecture(tinyT5, new Set());
  const vit = describeArchitecture(
    {
      ...{ model_type: 'vit', num_hidden_layers: 2, image_size: 8, patch_size: 4 },
      id2label: { 0: 'cat', 1: 'dog' },
    },
    new Set(),
  );
  const data = (value: number) => ({ data: new Float32Array(3 * 64).fill(value), notices: [] });
  const pictures = { clean: data(0), corrupted: data(1) };
  const resolve = (
    architecture: typeof t5,
    more: Partial<PatchExperimentFile>,
    inputs: readonly PairInputs[] = [],
  ) =>
    resolvePatch(
      architecture,
      undefined,
      readPatchExperiment({ kind: 'patch', version: 1, model: 'tiny', pairs: [], ...more }),
      inputs,
    );
  const both = { image: { name: 'a.png' }, corruptedImage: { name: 'b.png' } };
  const source = { clean: [3, 4, 5], corrupted: [3, 6, 5] };

  test.each<[string, Partial<PatchExperimentFile>]>([
    [
      'Pair 1: the clean source has 3 tokens, the corrupted one 2',
      { pairs: [{ clean: [3, 4, 5], corrupted: [3, 5] }] },
    ],
    [
      'Pair 1: the clean target has 2 tokens, the corrupted one 3',
      { pairs: [{ ...source, target: [7], corruptedTarget: [7, 8] }] },
    ],
    [
      'Pair 1: the clean prompt and the corrupted one are the same',
      { pairs: [{ clean: [3, 4], corruptedTarget: [7], target: [7] }] },
    ],
    ['This t5 model reads no picture. Leave out', { pairs: [{ ...source, image: { name: 'a.png' } }] }],
    [
      "'pairs.0.exchanged' is given by 'patches', and this model reads no picture. Leave it out",
      { pairs: [{ ...source, exchanged: { patches: [0, 0, 1, 1] } }] },
    ],
    ["A text is taken token by token. Leave out 'parts'", { pairs: [source], parts: 2 }],
    [
      "A text is taken token by token. Leave out 'parts'",
      {
        pairs: [source, { clean: [3, 4], corrupted: [3, 6] }],
        sweeps: [{ component: 'encoder.head_attention_value_output', by: 'head' }],
        parts: 2,
      },
    ],
    [
      "'sweeps.0.window' is 3, but its stack has 2 layers",
      { pairs: [source], sweeps: [{ component: 'block_output', window: 3 }] },
    ],
    [
      "'sweeps.0' is by position, but the pairs have 3 and 2 tokens",
      {
        pairs: [source, { clean: [3, 4], corrupted: [3, 6] }],
        sweeps: [{ component: 'encoder.block_output' }],
      },
    ],
    [
      "'sweeps.0.positions' names position 3, but the prompt has positions 0 to 2",
      { pairs: [source], sweeps: [{ component: 'encoder.block_output', positions: [3] }] },
    ],
    [
      "The ablation 'mean' is over prompts of text alone",
      { pairs: [{ clean: [3, 4, 5] }], ablation: { kind: 'mean', prompts: [[3, 4, 6]] } },
    ],
  ])('of a model of two stacks: %s', (sentence, more) => {
    expect(() => resolve(t5, more)).toThrow(sentence);
  });

  test.each<[string, Partial<PatchExperimentFile>, readonly PairInputs[]]>([
    [
      "'pairs.0.exchanged' names a part, and the pair has no other picture or sound",
      {
        pairs: [{ clean: [], corrupted: [], image: { name: 'a.png' }, exchanged: { patches: [0, 0, 1, 1] } }],
      },
      [{ clean: pictures.clean, corrupted: pictures.clean }],
    ],
    [
      'The patches [0, 0, 3, 1] reach past the picture, which has 2 across and 2 down',
      { pairs: [{ clean: [], ...both, exchanged: { patches: [0, 0, 3, 1] } }] },
      [pictures],
    ],
    [
      "'pairs.0.exchanged' is given by 'seconds', and this model reads no sound. Leave it out",
      { pairs: [{ clean: [], ...both, exchanged: { seconds: [0, 1] } }] },
      [pictures],
    ],
    ['Leave the prompt empty', { pairs: [{ clean: [1], ...both }] }, [pictures]],
    ["The model has no class 'cow'", { pairs: [{ clean: [], ...both, answer: 'cow' }] }, [pictures]],
  ])('of a model that reads pictures: %s', (sentence, more, inputs) => {
    expect(() => resolve(vit, more, inputs)).toThrow(sentence);
  });

  test('sources of several lengths are patched by head, each for itself', () => {
    const { panels, columns } = resolve(t5, {
      pairs: [source, { clean: [3, 4], corrupted: [3, 6] }],
      sweeps: [{ component: 'encoder.head_attention_value_output' }],
    });
    expect(columns).toBeUndefined();
    expect(panels).toMatchObject([{ by: 'head', positions: 'all', isOfInput: true }]);
  });
});
