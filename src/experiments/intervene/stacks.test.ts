// Interventions in models that read more than a text: every cell of the patches that PyTorch computed in float64
// (../patch/expected/make_patches.py) as an intervention of its own, and what is refused.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firstInput } from '../../architectures/architecture.ts';
import { describeArchitecture } from '../../architectures/registry.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import { conformanceModel } from '../fixtures/conformanceModel.ts';
import type { GivenPrompt } from '../givenPrompt.ts';
import type { InputData } from '../inputData.ts';
import { pictureColumns, soundColumns } from '../inputParts.ts';
import { windowAround } from '../layers.ts';
import { metricOf } from '../metrics.ts';
import { readInterveneExperiment } from './experiment.ts';
import { resolveIntervene } from './resolve.ts';
import { type InterveneResult, readInterveneResult } from './result.ts';
import { runIntervene } from './run.ts';
import { interveneWork } from './work.ts';

const numbers = v.array(v.number());
const callSchema = v.object({
  input_ids: v.optional(numbers),
  decoder_input_ids: v.optional(numbers),
  pixel_values: v.optional(numbers),
  input_features: v.optional(numbers),
});
const expectedSchema = v.object({
  patches: v.record(
    v.string(),
    v.object({
      folder: v.string(),
      direction: v.picklist(['restore', 'corrupt']),
      ablation: v.optional(v.literal('zero')),
      parts: v.optional(v.number()),
      pairs: v.array(v.object({ clean: callSchema, corrupted: v.optional(callSchema) })),
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
  JSON.parse(readFileSync(here('../patch/expected/patches.expected.json'), 'utf8')),
);
type Call = v.InferOutput<typeof callSchema>;

/** A call of PyTorch as a person states it. */
function givenOf(call: Call, name: string): GivenPrompt {
  const { input_ids: ids, decoder_input_ids: written = [], pixel_values: pixels, input_features } = call;
  const image = pixels ? { image: { name: `${name}.png` } } : {};
  // Of a question what has been answered stands beside it.
  if (pixels && written.length > 0) return { prompt: ids ?? [], target: written.slice(1), ...image };
  if (pixels) return { prompt: (ids ?? []).slice(1), ...image };
  if (input_features) return { prompt: written.slice(1), sound: { name: `${name}.wav` } };
  return { prompt: ids ?? [], target: written.slice(1) };
}

/** Numbers that PyTorch read, one array however often they are asked for. */
const known = new Map<string, InputData>();
function dataOf({ pixel_values: pixels, input_features: features }: Call): InputData | undefined {
  const data = pixels ?? features;
  if (!data) return undefined;
  const found = known.get(data.join()) ?? { data: Float32Array.from(data), notices: [] };
  known.set(data.join(), found);
  return found;
}

const countUp = (count: number) => Array.from({ length: count }, (_, at) => at);

describe.each(Object.keys(patches))('interventions of %s', (name) => {
  const expected = patches[name];
  const [pair] = expected?.pairs ?? [];
  if (!expected || !pair) throw new Error(`There are no numbers for ${name}.`);
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

  const [base, source] =
    expected.direction === 'restore' && pair.corrupted
      ? [pair.corrupted, pair.clean]
      : [pair.clean, pair.corrupted];
  const experimentOf = (fields: object) =>
    readInterveneExperiment({
      kind: 'intervene',
      version: 1,
      model: name,
      base: givenOf(base, 'base'),
      sources: source ? [givenOf(source, 'source')] : [],
      answer: expected.answers[0],
      distractor: null,
      ...fields,
    });
  const resolved = (fields: object) =>
    resolveIntervene(model.architecture, undefined, experimentOf(fields), {
      base: dataOf(base),
      sources: [source && dataOf(source)],
    });
  const run = (fields: object, options = {}): Promise<InterveneResult> =>
    runIntervene(model, resolved(fields), options);
  const logProbability = (result: InterveneResult, of: 'base' | 'intervened') =>
    metricOf(result.measured[of], 'logProbability')[0] ?? Number.NaN;

  /** Positions that a column of a component stands for. */
  const columnsOf = (component: string): readonly (readonly number[])[] => {
    const { architecture } = model;
    const { stack } = describeComponent(architecture, component).place ?? {};
    const isOfInput = architecture.input || stack === 'encoder' || stack === 'first';
    const isOfQuestion = stack === 'encoder' && architecture.encoder?.encoder !== undefined;
    const own = isOfInput && !isOfQuestion ? firstInput(architecture) : undefined;
    if (own?.patches)
      return pictureColumns(own.patches, expected.parts).columns.map(({ positions }) => positions);
    if (own) return soundColumns(own.positions, 1, expected.parts).map(({ positions }) => positions);
    const tokens = isOfInput ? base.input_ids : (base.decoder_input_ids ?? base.input_ids);
    return countUp(tokens?.length ?? 0).map((position) => [position]);
  };

  /** A cell of a sweep as a configuration and where it is put. */
  const cellOf = (
    { component, by, window }: (typeof expected.sweeps)[number],
    layer: number,
    column: number,
  ): object => {
    const { place } = describeComponent(model.architecture, component);
    const columns = columnsOf(component);
    const range = windowAround(layer, window, place?.count ?? model.architecture.layerCount);
    const layers = countUp(range.to - range.from).map((at) => range.from + at);
    const head = by === 'head' ? column : Math.floor(column / columns.length);
    const positions =
      by === 'head' ? columns.flat() : (columns[by === 'position' ? column : column % columns.length] ?? []);
    const unit = by === 'position' ? 'pos' : 'h.pos';
    const representations = layers.map((each) => ({
      layer: each,
      component,
      unit,
      max_number_of_units: by === 'position' ? positions.length : 1,
      group_key: 0,
      ...(expected.ablation ? { intervention_type: 'ZeroIntervention' } : {}),
    }));
    const side = layers.map(() => (by === 'position' ? [positions] : [[[head]], [[...positions]]]));
    return { configuration: { representations }, unitLocations: { 'sources->base': [side, side] } };
  };

  test('every cell of its sweeps is what PyTorch gives', async () => {
    let cells = 0;
    for (const sweep of expected.sweeps) {
      const { heads = 1, place } = describeComponent(model.architecture, sweep.component);
      const columns = columnsOf(sweep.component).length;
      const across = { position: columns, head: heads, 'head-position': heads * columns }[sweep.by];
      const layerCount = place?.count ?? model.architecture.layerCount;
      expect(sweep.cells).toHaveLength(across * layerCount);
      for (const [cell, [wanted = Number.NaN]] of sweep.cells.entries()) {
        const result = await run(cellOf(sweep, Math.floor(cell / across), cell % across), { isWhole: false });
        expect(Math.abs(logProbability(result, 'intervened') - wanted)).toBeLessThan(1e-4);
        cells += 1;
      }
    }
    expect(cells).toBeGreaterThan(10);
  });

  test('the base alone is what PyTorch gives, and a result can be written, read and found again', async () => {
    const [sweep] = expected.sweeps;
    if (!sweep) throw new Error('There is no sweep.');
    const known = new Map<string, Float32Array>();
    const result = await run(cellOf(sweep, 0, 0), { known });
    const [wanted = Number.NaN] =
      expected.direction === 'restore' ? (expected.corrupted ?? []) : expected.clean;
    expect(Math.abs(logProbability(result, 'base') - wanted)).toBeLessThan(1e-4);
    expect(readInterveneResult(JSON.parse(JSON.stringify(result)))).toEqual(result);
    const count = known.size;
    expect(await run(cellOf(sweep, 0, 0), { known })).toEqual(result);
    expect(known.size).toBe(count);
    const sourceTokens = base.decoder_input_ids && base.input_ids;
    expect(result.read?.base.map(({ id }) => id)).toEqual(sourceTokens);
    expect(result.version).toBe(2);
  });

  test('what another stack makes is seen from the first position on, and what this one makes from its own', async () => {
    const { input, encoder } = model.architecture;
    const stack = { blip: 'vision.', vit: '' }[model.architecture.family] ?? 'encoder.';
    const zero = (component: string, position: number) =>
      run({
        configuration: { layer: 0, component, intervention_type: 'ZeroIntervention' },
        unitLocations: { base: position },
      });
    const length = (base.decoder_input_ids ?? base.input_ids ?? []).length;
    const all = await zero(`${stack}block_output`, 1);
    expect(all.later.map(({ position }) => position)).toEqual(input ? [] : countUp(length));
    for (const { divergence } of all.later) expect(divergence).toBeGreaterThan(0);
    expect(all.measured.intervened.divergence[0]).toBeGreaterThan(0);
    if (!encoder) return;
    const own = await zero('block_output', 1);
    expect(own.later.map(({ position }) => position)).toEqual(countUp(length).slice(1));
  });

  test('what is collected behind the last layer reads through the head as the prediction does', async () => {
    const { layers, place } = describeComponent(model.architecture, 'block_output');
    expect(layers).toBeUndefined();
    const { collected, before } = await run({
      configuration: {
        layer: (place?.count ?? model.architecture.layerCount) - 1,
        component: 'block_output',
        intervention_type: 'CollectIntervention',
      },
      unitLocations: { base: resolved({}).base.watched },
    });
    expect(collected[0]?.nearest[0]?.map(({ id }) => id)).toEqual(before.slice(0, 5).map(({ id }) => id));
    expect(collected[0]?.nearest[0]?.[0]?.logit).toBeCloseTo(before[0]?.logit ?? Number.NaN, 4);
  });

  test('its cost is that of each of its prompts in every stack, twice', () => {
    const { rowLayers } = interveneWork.estimate(model.architecture, resolved({}));
    // The encoder's layers, the decoder's, and those of the decoder in which what it reads of the encoder is made.
    const { family, encoder } = model.architecture;
    const two = { t5: 3 + 2 + 2, blip: 3 + 2 + 2, whisper: 2 + 2 + 2, vit: 2 }[family];
    // What sees the picture is read in the layers of the question, and this in those of the answer.
    const passes = encoder?.encoder ? 3 + 2 + (2 + 2) + 2 : two;
    expect(rowLayers).toBe((source ? 4 : 2) * (passes ?? 0));
  });
});

async function refusing(folder: string, fields: object, inputs = {}): Promise<unknown> {
  const checkpoint = await conformanceModel(folder);
  try {
    const architecture = describeArchitecture(checkpoint.config, new Set(checkpoint.tensors.keys()));
    const experiment = readInterveneExperiment({
      kind: 'intervene',
      version: 1,
      model: folder,
      base: [1, 2],
      ...fields,
    });
    return resolveIntervene(architecture, undefined, experiment, inputs);
  } finally {
    await checkpoint.close();
  }
}

test.each<[string, string, object, RegExp]>([
  [
    'a target where the prompt is already what was written',
    'blip-wide',
    { base: { prompt: [1], target: [2], image: { name: 'a.png' } } },
    /reads a picture, so the prompt is already what it has written. Leave out 'target'/,
  ],
  [
    'a model of pictures without one',
    'vit-unbiased',
    { base: [] },
    /reads a picture, and the experiment has none/,
  ],
  [
    'a picture for a model of texts',
    't5-gated',
    { base: { prompt: [1], image: { name: 'a.png' } } },
    /reads no picture. Leave out 'image'/,
  ],
  [
    'a misspelt part',
    't5-gated',
    { base: { prompt: [1], tarqet: [2] } },
    /'base\.tarqet': There is no such field/,
  ],
  [
    'a position past the source',
    't5-gated',
    {
      base: { prompt: [1, 2, 3], target: [4, 5, 6, 7] },
      configuration: { layer: 0, component: 'encoder.block_output', intervention_type: 'ZeroIntervention' },
      unitLocations: { base: 3 },
    },
    /Position 3 does not exist/,
  ],
  [
    'a state of the decoder for the encoder',
    't5-gated',
    {
      base: { prompt: [1, 2, 3] },
      sources: [{ prompt: [1, 2, 4] }],
      configuration: { layer: 0, component: 'encoder.block_output', source_component: 'head_query_output' },
      unitLocations: { 'sources->base': 0 },
    },
    /head_query_output/,
  ],
])('%s is refused', async (_, folder, fields, sentence) => {
  await expect(refusing(folder, fields)).rejects.toThrow(sentence);
});
