import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint, Tokenizer } from '../../checkpoint/checkpoint.ts';
import { openFolder } from '../../checkpoint/openNode.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { metricOf } from '../metrics.ts';
import { readPatchResult } from '../patch/result.ts';
import { readInterveneExperiment } from './experiment.ts';
import { resolveIntervene } from './resolve.ts';
import { type InterveneResult, readInterveneResult } from './result.ts';
import { runIntervene } from './run.ts';

const root = `${import.meta.dirname}/../../../`;
let checkpoint: Checkpoint;
let tokenizer: Tokenizer;
let backend: Backend;
let model: Model;

beforeAll(async () => {
  checkpoint = await openFolder(`${root}models/tiny-atlas`);
  tokenizer = await checkpoint.tokenizer();
  backend = createNodeBackend(1);
  model = await Model.load(checkpoint, backend);
});
afterAll(async () => {
  await model.dispose();
  await checkpoint.close();
  await backend.close();
});

const pair = {
  clean: 'After Paul and Mark had lunch at the market, Paul gave a basket to',
  corrupted: 'After Paul and Mark had lunch at the market, Mark gave a basket to',
};
const experimentOf = (fields: object) =>
  readInterveneExperiment({
    kind: 'intervene',
    version: 1,
    model: 'tiny-atlas',
    base: pair.corrupted,
    sources: [pair.clean],
    answer: ' Mark',
    distractor: ' Paul',
    ...fields,
  });

const run = (fields: object, options = {}): Promise<InterveneResult> =>
  runIntervene(model, resolveIntervene(model.architecture, tokenizer, experimentOf(fields)), {
    textOf: (id) => tokenizer.tokenText(id),
    ...options,
  });

test('an interchange measures what the patch of the same cell measures', async () => {
  const stored = readPatchResult(
    JSON.parse(readFileSync(`${root}examples/patch/results/indirect-object-positions.json`, 'utf8')),
  );
  const index = stored.panels.findIndex(({ component }) => component === 'block_output');
  const panel = stored.panels[index];
  const [first] = stored.pairs;
  if (!panel || !first) throw new Error('The stored patch has pairs and residual states.');
  const positions = panel.cells.length / stored.layerCount;
  const ids = (tokens: readonly { readonly id: number }[]) => tokens.map(({ id }) => id);
  for (const [layer, position] of [
    [2, 10],
    [5, positions - 1],
    [7, positions - 1],
  ] as const) {
    const result = await run({
      base: ids(first.corrupted ?? []),
      sources: [ids(first.clean)],
      answer: first.answer.id,
      distractor: first.distractor?.id,
      configuration: { layer, component: 'block_output' },
      unitLocations: { 'sources->base': position },
    });
    const cell = panel.cells[layer * positions + position];
    if (!cell) throw new Error('The stored patch is whole.');
    const [ours] = metricOf(result.measured.intervened, 'logitDifference');
    expect(ours).toBeCloseTo(metricOf(cell, 'logitDifference')[0] ?? Number.NaN, 3);
    expect(metricOf(result.measured.base, 'logitDifference')[0]).toBeCloseTo(
      metricOf(stored.corrupted ?? stored.clean, 'logitDifference')[0] ?? Number.NaN,
      3,
    );
    expect(metricOf(result.measured.intervened, 'rank')).toEqual([cell.rank[0]]);
  }
});

test('the whole source put in at the last position predicts as the source does, and nothing diverges from itself', async () => {
  const last = tokenizer.encode(pair.clean).length - 1;
  const result = await run({
    configuration: { layer: 7, component: 'block_output' },
    unitLocations: { 'sources->base': last },
  });
  expect(result.after[0]?.text).toBe(' Mark');
  expect(result.before[0]?.text).toBe(' Paul');
  const [source] = result.measured.sources;
  expect(result.measured.intervened.answerLogit[0]).toBeCloseTo(source?.answerLogit[0] ?? 0, 4);
  expect(result.measured.base.divergence).toEqual([0]);
  expect(result.measured.intervened.divergence[0]).toBeGreaterThan(1);
  expect(result.later).toEqual([]);
});

test('an edit before the end shows at its position and after, and not before', async () => {
  const result = await run({
    configuration: { layer: 0, component: 'block_output', intervention_type: 'ZeroIntervention' },
    unitLocations: { base: 3 },
  });
  expect(result.later.map(({ position }) => position)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  for (const { divergence } of result.later) expect(divergence).toBeGreaterThan(0);
  const [last] = result.later.slice(-1);
  expect(last?.after).toEqual(result.after[0]);
  expect(last?.divergence).toBeCloseTo(result.measured.intervened.divergence[0] ?? 0, 6);
});

test('what is collected comes with what the head makes of it', async () => {
  const last = tokenizer.encode(pair.corrupted).length - 1;
  const result = await run({
    configuration: [
      { layer: 7, component: 'block_output', intervention_type: 'CollectIntervention' },
      { layer: 0, component: 'mlp_activation', intervention_type: 'CollectIntervention' },
    ],
    unitLocations: { base: last },
  });
  const [state, inner] = result.collected;
  expect(state?.shape).toEqual([1, 128]);
  // At the end of the last layer the head gives the prediction itself.
  expect(state?.nearest[0]?.map(({ id }) => id)).toEqual(result.before.slice(0, 5).map(({ id }) => id));
  expect(inner?.shape).toEqual([1, 512]);
  expect(inner?.nearest).toEqual([]);
});

test('what is collected has the key of its own intervention where another is left out', async () => {
  const collect = (layer: number) => ({
    layer,
    component: 'mlp_output',
    intervention_type: 'CollectIntervention',
  });
  const second = await run({ configuration: [collect(4)], unitLocations: { base: 3 } });
  const both = await run({
    configuration: [collect(1), collect(4)],
    unitLocations: { base: [null, [[3]]] },
  });
  expect(both.collected).toEqual(second.collected);
  expect(both.collected.map(({ key }) => key)).toEqual(['layer_4_comp_mlp_output_unit_pos_nunit_1#0']);
});

test('vectors of another space are not read as the residual stream, however wide', async () => {
  const { architecture } = model;
  const component = 'attention_value_output';
  const own = architecture.components.find(({ name }) => name === component);
  expect(own?.width).toBe(architecture.width);
  const { collected } = await run({
    configuration: [{ layer: 2, component, intervention_type: 'CollectIntervention' }],
    unitLocations: { base: 3 },
  });
  expect(collected[0]?.shape).toEqual([1, architecture.width]);
  expect(collected[0]?.nearest).toEqual([]);
});

test('runs that are remembered give the same result, which a file can hold', async () => {
  const fields = {
    configuration: { layer: 3, component: 'mlp_output' },
    unitLocations: { 'sources->base': 9 },
  };
  const known = new Map<string, Float32Array>();
  const first = await run(fields, { known });
  const count = known.size;
  const again = await run(fields, { known });
  expect(known.size).toBe(count);
  expect(again).toEqual(first);
  expect(readInterveneResult(JSON.parse(JSON.stringify(first)))).toEqual(first);
});

test.each([
  [{ configuration: { layer: 9 } }, 'Layer 9'],
  [{ configuration: { layer: 1 }, unitLocations: { 'sources->base': 99 } }, 'Position 99 does not exist'],
  [{ configuration: { layer: 1, component: 'mpl_output' } }, "Did you mean 'mlp_output'"],
  [{ configuration: { layer: 1 }, sources: [] }, "takes from 'source_0'"],
  [{ base: '', configuration: { layer: 1 } }, 'The base has no tokens'],
])('what does not fit is refused before anything runs: %j', (fields, sentence) => {
  const attempt = async () => {
    const resolved = resolveIntervene(model.architecture, tokenizer, experimentOf(fields));
    return runIntervene(model, resolved);
  };
  return expect(attempt()).rejects.toThrow(sentence);
});

test('what is watched is what the source says against what the base says, unless it is named', async () => {
  const fields = { configuration: { layer: 3 }, unitLocations: { 'sources->base': 9 } };
  const watched = async (given: object) => {
    const { answer, distractor } = await run({ ...fields, ...given });
    return [answer.text, distractor?.text];
  };
  expect(await watched({ answer: undefined, distractor: undefined })).toEqual([' Mark', ' Paul']);
  expect(await watched({ answer: undefined, distractor: null })).toEqual([' Mark', undefined]);
  expect(await watched({ answer: ' Paul', distractor: undefined })).toEqual([' Paul', undefined]);
});

test('without a configuration nothing is changed, and what is watched is measured', async () => {
  const result = await run({ rack: { component: 'mlp_output', matches: [[3, null]] } });
  expect(result.after).toEqual(result.before);
  expect(result.measured.intervened).toEqual(result.measured.base);
  expect(result.later).toEqual([]);
  expect(() => experimentOf({ rack: { by: 'neuron' } })).toThrow("'rack.by'");
});

test.each([
  'indirect-object',
  'indirect-object-heads',
  'ablation',
  'pronoun',
  'nested',
  'partition',
  'addition',
])('the example %s gives its stored result', async (name) => {
  const json = (path: string): unknown =>
    JSON.parse(readFileSync(`${root}examples/intervene/${path}.json`, 'utf8'));
  const stored = readInterveneResult(json(`results/${name}`));
  const { experiment } = stored;
  expect(readInterveneExperiment(json(name))).toEqual(experiment);
  const result = await runIntervene(model, resolveIntervene(model.architecture, tokenizer, experiment), {
    textOf: (id) => tokenizer.tokenText(id),
  });
  expect(result.after.map(({ text }) => text).slice(0, 3)).toEqual(
    stored.after.map(({ text }) => text).slice(0, 3),
  );
  result.after.forEach(({ probability }, place) => {
    expect(Math.abs(probability - (stored.after[place]?.probability ?? 0))).toBeLessThan(1e-4);
  });
  expect(result.later.map(({ position }) => position)).toEqual(stored.later.map(({ position }) => position));
});
