import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint, Tokenizer } from '../checkpoint/checkpoint.ts';
import { openFolder } from '../checkpoint/openNode.ts';
import { readInterveneExperiment } from '../experiments/intervene/experiment.ts';
import { resolveIntervene } from '../experiments/intervene/resolve.ts';
import { type KeptPrompts, runIntervene } from '../experiments/intervene/run.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { statesBytes } from '../runtime/forward/keptStates.ts';
import { Model } from '../runtime/model.ts';
import { createShelf } from './keptPrompts.ts';

let checkpoint: Checkpoint;
let tokenizer: Tokenizer;
let backend: Backend;
let model: Model;
beforeAll(async () => {
  checkpoint = await openFolder(`${import.meta.dirname}/../../models/tiny-atlas`);
  const own = await checkpoint.tokenizer();
  if (!own) throw new Error('The embedded model has a tokenizer.');
  tokenizer = own;
  backend = createNodeBackend(1);
  model = await Model.load(checkpoint, backend);
});
afterAll(async () => {
  await model.dispose();
  await checkpoint.close();
  await backend.close();
});

const run = (fields: object, isWhole: boolean, prompts?: KeptPrompts) =>
  runIntervene(
    model,
    resolveIntervene(
      model.architecture,
      tokenizer,
      readInterveneExperiment({
        kind: 'intervene',
        version: 1,
        model: 'tiny-atlas',
        base: 'The Louvre Museum is in downtown',
        sources: ['The Prado Museum is in downtown'],
        ...fields,
      }),
    ),
    { isWhole, ...(prompts ? { prompts } : {}) },
  );

const at = (position: number) => ({ 'sources->base': position });
const cases = {
  'a state': { configuration: { layer: 5, component: 'block_output' }, unitLocations: at(2) },
  'a head at all positions': {
    configuration: { layer: 3, component: 'head_attention_value_output', unit: 'h' },
    unitLocations: at(1),
  },
  'an attention pattern': {
    configuration: { layer: 4, component: 'attention_weight', unit: 'h.pos' },
    unitLocations: { 'sources->base': { heads: [0], positions: [6] } },
  },
  'another layer of the source': {
    configuration: { layer: 6, component: 'block_output', source_layer: 1, source_component: 'mlp_output' },
    unitLocations: { 'sources->base': [[[[2]]], [[[5]]]] },
  },
  'what is collected before the edit': {
    configuration: {
      representations: [
        { layer: 1, component: 'mlp_output', intervention_type: 'CollectIntervention' },
        { layer: 5, component: 'block_output', intervention_type: 'ZeroIntervention' },
      ],
    },
    unitLocations: { base: 4 },
  },
  'the embedding': { configuration: { layer: 0, component: 'block_input' }, unitLocations: at(1) },
  'the last layer': { configuration: { layer: 7, component: 'block_output' }, unitLocations: at(6) },
};

test.each(Object.entries(cases))(
  '%s gives the same from kept states as from the tokens',
  async (_, fields) => {
    const shelf = createShelf(model);
    for (const isWhole of [false, true]) {
      const [whole, kept] = [await run(fields, isWhole), await run(fields, isWhole, shelf)];
      expect(kept.after.map(({ id }) => id)).toEqual(whole.after.map(({ id }) => id));
      kept.after.forEach(({ logit }, index) => {
        expect(logit).toBeCloseTo(whole.after[index]?.logit ?? Number.NaN, 3);
      });
      expect(kept.later.map(({ position }) => position)).toEqual(whole.later.map(({ position }) => position));
      kept.later.forEach(({ divergence }, index) => {
        expect(divergence).toBeCloseTo(whole.later[index]?.divergence ?? Number.NaN, 3);
      });
      kept.collected.forEach(({ data }, index) => {
        data.forEach((value, entry) => {
          expect(value).toBeCloseTo(whole.collected[index]?.data[entry] ?? Number.NaN, 3);
        });
      });
    }
  },
);

test('a cable that is moved runs what lies behind it, and prompts beyond the room go', async () => {
  await run(cases['a state'], false, createShelf(model));
  const shelf = createShelf(model, statesBytes(model.architecture, 7));
  const live = backend.liveTensors;
  await run(cases['a state'], false, shelf);
  const held = backend.liveTensors;
  expect(held).toBeGreaterThan(live);
  await run(cases['the last layer'], false, shelf);
  expect(backend.liveTensors).toBe(held);
  // There is room for one of the two prompts.
  shelf.trim();
  expect(backend.liveTensors - live).toBe((held - live) / 2);
  expect(await createShelf(model, 8).of([1, 2, 3], 2, undefined)).toBeUndefined();
});
