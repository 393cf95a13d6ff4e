import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { IntervenableModel } from './intervenableModel.ts';

let backend: Backend;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
});
afterAll(async () => {
  await model.dispose();
  await backend.close();
});

const next = seededRandom(5);
const vector = Array.from({ length: 16 }, () => 2 * next());
const added = {
  representations: [{ layer: 1, component: 'block_output', source_representation: vector }],
  intervention_types: 'AdditionIntervention',
};
const prompt = [3, 17, 8, 25, 1];
const plain = { base: prompt, maxNewTokens: 6 };

/** Logits of the last position, without anything kept: the token that they make. */
async function following(sequence: readonly number[], positions: readonly number[]): Promise<number> {
  const located = new IntervenableModel(added, model);
  const { intervenedOutputs } = await located.run({
    base: sequence,
    unitLocations: { base: { positions } },
    logits: 'last',
  });
  const data = intervenedOutputs.logits[0]?.data ?? new Float32Array();
  return data.indexOf(Math.max(...data));
}

async function expected(acts: (position: number) => boolean): Promise<readonly number[]> {
  const sequence = [...prompt];
  for (let step = 0; step < 6; step++) {
    const positions = [...sequence.keys()].filter(acts);
    // No location is no intervention: the first position is then edited by nothing.
    const token =
      positions.length > 0
        ? await following(sequence, positions)
        : ((
            await new IntervenableModel(added, model).generate({
              base: sequence,
              maxNewTokens: 1,
              placement: { prompt: 'none' },
            })
          )[0]?.tokens[0] ?? -1);
    sequence.push(token);
  }
  return sequence;
}

test.each([
  ['by default at the state that makes the first new token and at all after it', {}, (at: number) => at >= 4],
  [
    'where a location says, in the prompt',
    { unitLocations: { base: { positions: [1, 2] } } },
    (at: number) => at === 1 || at === 2,
  ],
  ['at every second step', { placement: { steps: { every: 2 } } }, (at: number) => at >= 4 && at % 2 === 0],
  ['as pyvene does, at what is fed back', { placement: { preset: 'pyvene' } }, (at: number) => at >= 5],
  ['as pyvene does, everywhere', { placement: { preset: 'pyvene', interveneOnPrompt: true } }, () => true],
] as const)('an intervention acts %s', async (_, call, acts) => {
  const [text] = await new IntervenableModel(added, model).generate({ ...plain, ...call });
  expect(text?.sequence).toEqual(await expected(acts));
});

test('interventions may differ by step', async () => {
  const both = new IntervenableModel(
    {
      representations: [
        { layer: 1, component: 'block_output', source_representation: vector },
        { layer: 1, component: 'block_output', source_representation: vector.map((entry) => -entry) },
      ],
      intervention_types: 'AdditionIntervention',
    },
    model,
  );
  const [first = '', second = ''] = both.interventions.keys();
  const generate = async (from: number) =>
    (
      await both.generate({
        ...plain,
        placement: { byKey: { [first]: { steps: 'all' }, [second]: { steps: { from } } } },
      })
    )[0]?.sequence;
  const alone = async (count: number) =>
    (
      await new IntervenableModel(added, model).generate({
        ...plain,
        placement: { steps: { from: 0, count } },
      })
    )[0]?.sequence;
  // What the first adds, the second takes away from its step on.
  expect(await generate(3)).toEqual(await alone(3));
});

test('what is taken from a source is read once and lives through the text', async () => {
  const source = [9, 2, 30];
  const swapped = new IntervenableModel({ layer: 1, component: 'block_output' }, model);
  const [states] = await swapped.collect({ base: source, sites: [{ component: 'block_output', layer: 1 }] });
  const held = states?.[0]?.data.subarray(32) ?? new Float32Array();
  const constant = new IntervenableModel(
    { representations: [{ layer: 1, component: 'block_output', source_representation: [...held] }] },
    model,
  );
  const [taken] = await swapped.generate({
    ...plain,
    sources: [source],
    unitLocations: { 'sources->base': { source: 2, base: null } },
  });
  const [given] = await constant.generate(plain);
  expect(taken?.sequence).toEqual(given?.sequence);
});

test('several prompts go on together as each alone, in heads and in subspaces', async () => {
  const heads = new IntervenableModel(
    {
      representations: [
        {
          layer: 1,
          component: 'head_attention_value_output',
          unit: 'h',
          source_representation: [1, -1, 2, 0.5],
        },
      ],
      intervention_types: 'AdditionIntervention',
    },
    model,
  );
  const call = { maxNewTokens: 5, unitLocations: { base: { heads: [2] } }, subspaces: [0, 3] };
  const together = await heads.generate({ ...call, base: [prompt, [7, 9]] });
  const alone = await Promise.all([prompt, [7, 9]].map((base) => heads.generate({ ...call, base: [base] })));
  expect(together.map(({ sequence }) => sequence)).toEqual(alone.map(([text]) => text?.sequence));
});

test.each([
  [{ placement: { byKey: { nothing: {} } } }, "placement: there is no intervention 'nothing'."],
  [
    { unitLocations: { base: 2 }, placement: { steps: 'all' } },
    "it has both 'unitLocations' and a placement",
  ],
  [
    { unitLocations: { base: 2 }, placement: { preset: 'pyvene' } },
    "has locations only with 'interveneOnPrompt'",
  ],
] as const)('a call with %j is refused in a sentence', async (call, message) => {
  await expect(new IntervenableModel(added, model).generate({ ...plain, ...call })).rejects.toThrow(message);
});

test('nothing is collected while texts are generated', async () => {
  const collecting = new IntervenableModel(
    { layer: 1, component: 'block_output', intervention_type: 'CollectIntervention' },
    model,
  );
  await expect(collecting.generate(plain)).rejects.toThrow("Collect from the finished text with 'collect'.");
});
