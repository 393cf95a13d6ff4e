// Path patching of a model that reads a picture alone: each path as section 3.1 of Wang et al. 2022 writes it, by whole runs
// in which every head is given numbers.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { type Edit, replace, type Site } from '../../runtime/plan/plan.ts';
import { metricOf } from '../metrics.ts';
import { type PathExperimentFile, readPathExperiment } from './pathExperiment.ts';
import { resolvePatch } from './resolve.ts';
import { completePatch } from './work.ts';

const head = 'head_attention_value_output';
const [heads, layers] = [2, 3];
const config = {
  ...{ model_type: 'vit', hidden_size: 16, num_hidden_layers: layers, num_attention_heads: heads },
  ...{ intermediate_size: 20, image_size: 8, patch_size: 4 },
  id2label: { 0: 'cat', 1: 'dog', 2: 'street' },
};
const picture = (seed: number) =>
  Float32Array.from({ length: 3 * 8 * 8 }, (_, at) => Math.sin(seed + at * 0.7));
const [clean, corrupted] = [picture(1), picture(5)];

let backend: Backend;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint(config), backend);
});
afterAll(async () => {
  await model.dispose();
  await backend.close();
});

async function runWith(
  data: Float32Array,
  edits: readonly Edit[],
  sites: readonly (Site & { heads?: readonly number[] })[],
) {
  const results = await model.run({
    rows: [{ start: { kind: 'input', data }, edits }],
    reads: sites.map(({ component, layer, heads: some }) => ({
      row: 0,
      site: { component, layer },
      location: layer === null ? { positions: [0] } : { positions: 'all', ...(some ? { heads: some } : {}) },
    })),
  });
  return results.map(({ value }) => Float32Array.from(value?.data ?? []));
}

const put = (component: string, layer: number, data: Float32Array, some?: readonly number[]): Edit => ({
  site: { component, layer },
  location: { positions: 'all', ...(some ? { heads: some } : {}) },
  fragment: replace,
  source: { kind: 'tensor', data },
});
const every = Array.from({ length: layers }, (_, layer) => layer);
const logits = { component: 'logits', layer: null };

/** Logit of the first label minus that of the second, for each sender. */
async function byDefinition(
  receiver: NonNullable<PathExperimentFile['receivers']>[number],
  freezesMlps: boolean,
) {
  const cached = (data: Float32Array, component: string) =>
    runWith(
      data,
      [],
      every.map((layer) => ({ component, layer })),
    );
  const [own, other, mlps] = [
    await cached(clean, head),
    await cached(corrupted, head),
    await cached(clean, 'mlp_output'),
  ];
  const width = config.hidden_size / heads;
  const found: number[] = [];
  for (const layer of every)
    for (let sender = 0; sender < heads; sender++) {
      const frozen = every.flatMap((at): readonly Edit[] => {
        const data = Float32Array.from(own[at] ?? []);
        for (let from = sender * width; at === layer && from < data.length; from += heads * width)
          data.set((other[at] ?? data).subarray(from, from + width), from);
        return [put(head, at, data), ...(freezesMlps ? [put('mlp_output', at, mlps[at] ?? data)] : [])];
      });
      const sites = (receiver.heads ?? []).map(([at, each]) => ({
        component: receiver.component,
        layer: at,
        heads: [each],
      }));
      const read = await runWith(clean, frozen, receiver.heads ? sites : [logits]);
      const given = sites.map(({ component, layer: at, heads: each }, index) =>
        put(component, at, read[index] ?? new Float32Array(), each),
      );
      const [last] = receiver.heads ? await runWith(clean, given, [logits]) : read;
      found.push((last?.[0] ?? Number.NaN) - (last?.[1] ?? Number.NaN));
    }
  return found;
}

test.each<[NonNullable<PathExperimentFile['receivers']>[number], 'recompute' | 'freeze']>([
  [{ component: 'logits' }, 'recompute'],
  [{ component: 'logits' }, 'freeze'],
  [{ component: 'head_query_output', heads: [[2, 1]] }, 'recompute'],
  [
    {
      component: 'head_key_output',
      heads: [
        [1, 0],
        [2, 0],
      ],
    },
    'freeze',
  ],
])('paths to %j with MLPs that %s are what whole runs give', async (receiver, mlps) => {
  const experiment = readPathExperiment({
    ...{ kind: 'path', version: 1, model: 'vit', receivers: [receiver], mlps },
    pairs: [
      {
        ...{ clean: '', image: { name: 'a.png' }, corruptedImage: { name: 'b.png' } },
        ...{ answer: 'cat', distractor: 'dog' },
      },
    ],
  });
  const data = (values: Float32Array) => ({ data: values, notices: [] });
  const patch = resolvePatch(model.architecture, undefined, experiment, [
    { clean: data(clean), corrupted: data(corrupted) },
  ]);
  const { panels, clean: unedited } = await completePatch(model, patch);
  const found = (panels[0]?.cells ?? []).map((samples) => samples && metricOf(samples, 'logitDifference')[0]);
  const wanted = await byDefinition(receiver, mlps === 'freeze');
  expect(found).toHaveLength(layers * heads);
  found.forEach((value, cell) => {
    expect(Math.abs((value ?? Number.NaN) - (wanted[cell] ?? Number.NaN))).toBeLessThan(5e-5);
  });
  // Some path does something.
  const [before = Number.NaN] = metricOf(unedited, 'logitDifference');
  expect(Math.max(...wanted.map((value) => Math.abs(value - before)))).toBeGreaterThan(1e-3);
});
