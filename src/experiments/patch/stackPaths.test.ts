// Path patching of models of several stacks: cell by cell what PyTorch gives (expected/make_paths.py), what it costs, and what is
// refused.

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
import { metricOf } from '../metrics.ts';
import { runRow } from '../planRuns.ts';
import { batchCells } from './cells.ts';
import { callSchema, inputsOf, pairOf } from './expected/calls.ts';
import { patchFigures } from './figure.ts';
import { patchCsv } from './grid.ts';
import { type PathExperimentFile, readPathExperiment } from './pathExperiment.ts';
import { baselineRuns, estimatePatch, planCells } from './plan.ts';
import { type ResolvedPatch, resolvePatch } from './resolve.ts';
import { isPatchComplete, readPatchResult } from './result.ts';
import { patchSummary } from './summary.ts';
import { patchCaption } from './words.ts';
import { completePatch } from './work.ts';

const numbers = v.array(v.number());
const expectedSchema = v.object({
  paths: v.record(
    v.string(),
    v.object({
      folder: v.string(),
      sending: v.string(),
      direction: v.picklist(['restore', 'corrupt']),
      mlps: v.picklist(['recompute', 'freeze']),
      answers: numbers,
      pairs: v.array(v.object({ clean: callSchema, corrupted: callSchema })),
      panels: v.array(
        v.object({
          receiver: v.object({
            component: v.string(),
            heads: v.optional(v.array(v.tuple([v.number(), v.number()]))),
          }),
          cells: v.array(numbers),
        }),
      ),
    }),
  ),
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const { paths } = v.parse(
  expectedSchema,
  JSON.parse(readFileSync(here('./expected/paths.expected.json'), 'utf8')),
);
type Expected = (typeof paths)[string];

const resolve = (
  model: Model,
  { sending, direction, mlps, pairs, panels }: Expected,
  more: Partial<PathExperimentFile> = {},
): ResolvedPatch =>
  resolvePatch(
    model.architecture,
    undefined,
    readPathExperiment({
      ...{ kind: 'path', version: 1, model: 'tiny', pairs: pairs.map(pairOf), direction, mlps, sending },
      receivers: panels.map(({ receiver }) => receiver),
      ...more,
    }),
    inputsOf(pairs),
  );

const folders = [...new Set(Object.values(paths).map(({ folder }) => folder))];

describe.each(folders)('paths of %s', (folder) => {
  const own = Object.entries(paths).filter(([, each]) => each.folder === folder);
  let backend: Backend;
  let model: Model;
  let close: () => Promise<void>;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    const checkpoint = await conformanceModel(folder);
    close = () => checkpoint.close();
    model = await Model.load(checkpoint, backend);
  });
  afterAll(async () => {
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
    await close();
  });

  test.each(own)('%s: every cell is what PyTorch gives', async (_, expected) => {
    const result = await completePatch(model, resolve(model, expected));
    expect(isPatchComplete(result)).toBe(true);
    expect(result.pairs.map(({ answer }) => answer.id)).toEqual(expected.answers);
    const start = expected.direction === 'restore' ? result.corrupted : result.clean;
    const unedited = start ? metricOf(start, 'logProbability') : [];
    for (const [panel, { cells }] of expected.panels.entries()) {
      const found = result.panels[panel]?.cells ?? [];
      expect(found).toHaveLength(cells.length);
      for (const [cell, wanted] of cells.entries()) {
        const samples = found[cell];
        const values = samples ? metricOf(samples, 'logProbability') : [];
        expect(values).toHaveLength(wanted.length);
        values.forEach((value, pair) => {
          expect(Math.abs(value - (wanted[pair] ?? Number.NaN))).toBeLessThan(1e-4);
        });
      }
      // Some path does what the tolerance can tell from nothing.
      const effects = cells.flatMap((cell) => cell.map((value, pair) => value - (unedited[pair] ?? value)));
      expect(Math.max(...effects.map(Math.abs))).toBeGreaterThan(3e-4);
    }
  });

  test.each(own)(
    '%s: the estimate is what the scheduler counts, and progress reaches it',
    async (_, each) => {
      for (const mlps of ['recompute', 'freeze'] as const)
        for (const receivers of [undefined, ...each.panels.map(({ receiver }) => [receiver])]) {
          const patch = resolve(model, each, { mlps, ...(receivers ? { receivers } : {}) });
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
            count({ rows: runs.map(runRow), reads: runs.map((__, row) => logits(row)) });
          for (const { cells, slices } of batchCells(patch, model.architecture))
            for (const { from, to } of slices)
              count(planCells(patch, model.architecture, cells, patch.cases.slice(from, to)).plan);
          expect(estimatePatch(model.architecture, patch)).toMatchObject({ rowLayers, tokenLayers, rows });
          if (receivers) continue;
          const seen: number[] = [];
          await completePatch(model, patch, { onProgress: (done) => seen.push(done) });
          expect(seen.at(-1)).toBe(rowLayers);
        }
    },
  );

  test.each(own)('%s: figures, table and words say who sends and who receives', async (_, expected) => {
    const result = await completePatch(model, resolve(model, expected));
    expect(readPatchResult(JSON.parse(JSON.stringify(result)))).toEqual(result);
    const cellCount = result.panels.reduce((sum, { cells }) => sum + cells.length, 0);
    const drawn = patchFigures(result).flatMap(({ panels, layers }) =>
      panels.flatMap(({ values }) => values.map((column) => [column.length, layers.length])),
    );
    for (const [cells, layers] of drawn) expect(cells).toBe(layers);
    expect(drawn.reduce((sum, [cells = 0]) => sum + cells, 0)).toBe(cellCount);
    expect(patchCsv(result).trim().split('\n')).toHaveLength(1 + 2 + cellCount);
    expect(patchCaption(result, 'probability')).toContain(`Heads send by ${expected.sending}.`);
    const text = patchSummary(result, 'probability', { hasColours: false, columns: 120 });
    for (const { receiver } of expected.panels)
      expect(text).toContain(`${expected.sending} to ${receiver.component}`);
  });
});

describe('a path through several stacks is refused', () => {
  const t5 = describeArchitecture(tinyT5, new Set());
  const encoders = 'encoder.head_attention_value_output';
  test.each<[string, Partial<PathExperimentFile>, string]>([
    [
      'from the encoder to the prediction',
      { sending: encoders },
      "'receivers.0.component' is 'logits', and 'encoder.head_attention_value_output' sends: every way from there leads through the heads of cross-attention, which are frozen. Let one of these receive: 'encoder.head_query_output', 'encoder.head_key_output', 'encoder.head_value_output', 'head_cross_key_output', 'head_cross_value_output'.",
    ],
    [
      'from the decoder to keys that are made of the encoder',
      { receivers: [{ component: 'logits' }, { component: 'head_cross_key_output', heads: [[1, 0]] }] },
      "'receivers.1.component' is 'head_cross_key_output', and 'head_attention_value_output' sends: what an encoder makes does not hang on its reader. Let one of these receive: 'logits'",
    ],
    [
      'to queries of cross-attention that stand before every sender',
      {
        sending: 'head_cross_attention_value_output',
        receivers: [{ component: 'head_cross_query_output', heads: [[0, 1]] }],
      },
      "'receivers.0.heads' are all in layer 0, and no 'head_cross_attention_value_output' comes before them.",
    ],
    [
      'from what sends nothing',
      { sending: 'encoder.mlp_output' },
      "'sending' is 'encoder.mlp_output', which does not send a path.",
    ],
    [
      'from a layer that the decoder does not have',
      { senders: [[2, 0]] },
      "'senders' names layer 2, but 'head_attention_value_output' has layers 0 to 1. A head is written [layer, head].",
    ],
  ])('%s', (_, more, sentence) => {
    const experiment = readPathExperiment({
      ...{ kind: 'path', version: 1, model: 'tiny', pairs: [{ clean: [3, 4, 5], corrupted: [3, 6, 5] }] },
      ...more,
    });
    expect(() => resolvePatch(t5, undefined, experiment)).toThrow(sentence);
  });

  const asked = describeArchitecture(
    {
      model_type: 'blip',
      text_config: {
        ...{ vocab_size: 29, hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2 },
        ...{ bos_token_id: 2, eos_token_id: 3, sep_token_id: 3, pad_token_id: 0 },
      },
      vision_config: {
        hidden_size: 16,
        num_hidden_layers: 3,
        num_attention_heads: 2,
        image_size: 8,
        patch_size: 4,
      },
    },
    new Set(['text_encoder.x', 'text_decoder.bert.x']),
  );
  const picture = { data: new Float32Array(3 * 8 * 8), notices: [] };
  const other = { ...picture, data: picture.data.map((_, at) => at) };
  const question = (more: Partial<PathExperimentFile>, corrupted = other): ResolvedPatch =>
    resolvePatch(
      asked,
      undefined,
      readPathExperiment({
        ...{ kind: 'path', version: 1, model: 'tiny' },
        pairs: [
          {
            ...{ clean: [3, 4, 5], corrupted: [3, 6, 5], target: [7] },
            ...{ image: { name: 'a.png' }, corruptedImage: { name: 'b.png' } },
          },
        ],
        ...more,
      }),
      [{ clean: picture, corrupted }],
    );
  const [seen, read] = ['vision', 'question'].map((stack) => `${stack}.head_attention_value_output`);
  test.each<[string, Partial<PathExperimentFile>, string]>([
    [
      'from the picture to the answer',
      { sending: seen, receivers: [{ component: 'head_cross_key_output', heads: [[1, 0]] }] },
      "'vision.head_attention_value_output' sends: every way from there leads through the heads of cross-attention, which are frozen. Let one of these receive: 'vision.head_query_output', 'vision.head_key_output', 'vision.head_value_output', 'question.head_cross_key_output', 'question.head_cross_value_output'.",
    ],
    [
      'from the question to what is made of the picture',
      { sending: read, receivers: [{ component: 'question.head_cross_key_output', heads: [[1, 0]] }] },
      "'question.head_attention_value_output' sends: what an encoder makes does not hang on its reader.",
    ],
  ])('a path of three stacks %s', (_, more, sentence) => {
    expect(() => question(more)).toThrow(sentence);
  });

  test('where two questions are about the same picture, nothing that the picture sends is run', () => {
    const receivers = [
      { component: 'question.head_cross_key_output', heads: [[1, 0]] as [number, number][] },
    ];
    expect(batchCells(question({ sending: seen, receivers }, picture), asked)).toEqual([]);
    expect(batchCells(question({ sending: seen, receivers }), asked)).not.toEqual([]);
  });

  test('where the two runs read the same, nothing that the encoder sends is run', () => {
    const experiment = readPathExperiment({
      ...{ kind: 'path', version: 1, model: 'tiny', sending: encoders },
      pairs: [{ clean: [3, 4, 5], target: [7, 8], corruptedTarget: [7, 9] }],
      receivers: [{ component: 'head_cross_key_output', heads: [[1, 0]] }],
    });
    expect(batchCells(resolvePatch(t5, undefined, experiment), t5)).toEqual([]);
  });
});
