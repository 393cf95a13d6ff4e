import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderChatOnNode } from '../../checkpoint/chat/renderOnNode.ts';
import type { Checkpoint, Tokenizer } from '../../checkpoint/checkpoint.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { generationOf } from '../runExperiment.ts';
import { readSteerExperiment } from './experiment.ts';
import { resolveSteer } from './resolve.ts';
import type { SteerResult } from './result.ts';
import { readStates } from './states.ts';
import { vectorData } from './vectorData.ts';
import { completeSteer } from './work.ts';

let backend: Backend;
let checkpoint: Checkpoint;
let tokenizer: Tokenizer;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  checkpoint = await openModel(fileURLToPath(new URL('../../../models/tiny-atlas', import.meta.url)));
  tokenizer = await checkpoint.tokenizer();
  model = await Model.load(checkpoint, backend);
});
afterAll(async () => {
  await model.dispose();
  await checkpoint.close();
  await backend.close();
});

async function run(vectors: readonly object[], more: object = {}): Promise<SteerResult> {
  const experiment = readSteerExperiment({
    ...{ kind: 'steer', version: 1, model: 'tiny-atlas', vectors, ...more },
  });
  const generation = generationOf(checkpoint, renderChatOnNode);
  return completeSteer(model, await resolveSteer(model.architecture, tokenizer, experiment, { generation }));
}

const site = { component: 'block_output', layer: 2 };
const [paris, rome] = ['The Eiffel Tower is in the city of', 'The Trevi Fountain is in the city of'];

test('an activation addition of strength 1 makes of the one prompt the other, from its layer on', async () => {
  // Both texts have as many tokens, and the edit is at all of them: h⁻ + (h⁺ - h⁻) = h⁺.
  const [positive, negative] = [tokenizer.encode(rome), tokenizer.encode(paris)];
  const length = Math.min(positive.length, negative.length);
  const texts = { positive: [positive.slice(-length)], negative: [negative.slice(-length)] };
  const vector = { name: 'v', layers: [2], from: { method: 'activation-addition', ...texts } };
  const result = await run([vector], {
    edits: [{ vector: 'v' }],
    prompts: [texts.negative[0], texts.positive[0]],
    generation: { maxNewTokens: 1 },
  });
  const [[, steered] = [], [other] = []] = result.texts.map((own) => own ?? []);
  expect(steered?.tokens).toEqual(other?.tokens);
  expect(steered?.tokens).not.toEqual(result.texts[0]?.[0]?.tokens);
  steered?.after[0]?.forEach(([id, logProbability], place) => {
    const [same, wanted] = other?.after[0]?.[place] ?? [-1, Number.NaN];
    expect(id).toBe(same);
    expect(logProbability).toBeCloseTo(wanted, 3);
  });
});

test('a mean over a text is that of its tokens, without the first', async () => {
  const tokens = tokenizer.encode(paris);
  const [mean = []] = await readStates(model, [tokens], [site], 'mean');
  const each = await Promise.all(
    tokens.slice(1).map(async (_, at) => (await readStates(model, [tokens], [site], at + 1))[0]?.[0]),
  );
  for (const entry of [0, 17, 127]) {
    const wanted = each.reduce((sum, state) => sum + (state?.[entry] ?? Number.NaN), 0) / each.length;
    expect(mean[0]?.[entry]).toBeCloseTo(wanted, 4);
  }
  const special = (id: number) => id !== tokens[0];
  await expect(readStates(model, [tokens], [site], 'mean', { isSpecial: special })).rejects.toThrow(
    'no token after its first that stands for text',
  );
});

test('numbers steer as the texts that they were made of, and random directions have unit length', async () => {
  const from = { method: 'difference', positive: [rome], negative: [paris] };
  const steering = {
    edits: [{ vector: 'v', strength: 0.8 }],
    prompts: [paris],
    generation: { maxNewTokens: 3 },
    columns: ['steered'],
  };
  const made = await run([{ name: 'v', layers: [5, 6], from }], steering);
  const [vector] = made.vectors;
  const numbers = vector ? vectorData(vector).map((data) => [...data]) : [];
  const given = await run([{ name: 'v', layers: [5, 6], from: { numbers } }], steering);
  expect(given.texts).toEqual(made.texts);
  const { vectors } = await run([{ name: 'r', from: { random: 3 } }]);
  for (const { norm } of vectors[0]?.sites ?? []) expect(norm).toBeCloseTo(1, 5);
});

test('classes that do not differ have no direction, which is said with the place', async () => {
  const same = { method: 'difference', positive: [paris], negative: [paris] };
  await expect(
    run([{ name: 'v', layers: [3], from: same }], { edits: [{ vector: 'v' }], prompts: [paris] }),
  ).rejects.toThrow("The vector 'v' has the length 0 at layer 3, and names no direction there.");
});

test('a chat for a model without a template is refused with the remedy, and what is found of one word is said once', async () => {
  const chat = { messages: [{ role: 'user', content: 'Where is the Eiffel Tower?' }] };
  const vectors = [{ name: 'r', layers: [1], from: { random: 1 } }];
  await expect(run(vectors, { prompts: [chat], columns: ['unsteered'] })).rejects.toThrow(
    'This model has no chat template',
  );
  const { notices } = await run(vectors, {
    prompts: [paris, rome],
    columns: ['unsteered'],
    generation: { maxNewTokens: 1 },
    words: { towards: [' Zanzibar'] },
  });
  expect(notices.filter(({ code }) => code === 'answer-of-several-tokens')).toHaveLength(1);
});
