import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byteLevelTokenizer } from '../../checkpoint/expected/smallFiles.ts';
import { buildTokenizer } from '../../checkpoint/tokenizer/tokenizer.ts';
import { add } from '../../onnx/elementwise.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { type GenerateStep, generate, generateTexts, tokenLimits } from './generate.ts';
import type { GenerationEdit } from './request.ts';

let backend: Backend;
let model: Model;
/** Of the byte-level tokenizer's 260 words, and with room for a long text. */
const configuration = { ...tinyConfigurations.gpt2, vocab_size: 260, n_positions: 200 };
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint(configuration), backend);
});
afterAll(async () => {
  await model.dispose();
  await backend.close();
});

const prompt = [72, 101, 108];
const strong = (data: Float32Array, from = 0): GenerationEdit => ({
  site: { component: 'block_output', layer: 1 },
  at: { steps: { from } },
  fragment: {
    key: 'added',
    parameters: {},
    build: ({ base, source }) => (source ? add(base, source) : base),
  },
  source: { kind: 'vector', data },
});

test('each step hands over one token of each row, and a row that ends leaves the batch', async () => {
  const [whole] = await generateTexts(model, { rows: [{ tokens: prompt }], maxNewTokens: 12 });
  const ending = whole?.tokens[4] ?? -1;
  const end = (whole?.tokens.indexOf(ending) ?? 0) + 1;
  const live = backend.liveTensors;
  const steps: GenerateStep[] = [];
  const rows = [{ tokens: prompt }, { tokens: [104, 105], edits: [strong(new Float32Array(16).fill(0.5))] }];
  const texts = await generateTexts(
    model,
    { rows, maxNewTokens: 12, eosIds: [ending] },
    { onStep: (step) => steps.push(step) },
  );
  expect(texts[0]).toMatchObject({ tokens: whole?.tokens.slice(0, end), reason: 'eos' });
  expect(steps.slice(0, end).every(({ tokens }) => tokens.some(({ row }) => row === 0))).toBe(true);
  expect(steps.slice(end).some(({ logits }) => logits.has(0))).toBe(false);
  expect(backend.liveTensors).toBe(live);
});

test('a sampled row has the same text alone and among others, steered or not by nothing', async () => {
  const sampling = { temperature: 1.5, topK: 30, seed: 9 };
  const of = (rows: readonly { readonly sample: number; readonly edits?: readonly GenerationEdit[] }[]) =>
    generateTexts(model, {
      rows: rows.map((row) => ({ tokens: prompt, ...row })),
      maxNewTokens: 20,
      sampling,
    });
  const [alone] = await of([{ sample: 3 }]);
  const [other, among, unmoved] = await of([
    { sample: 1 },
    { sample: 3 },
    { sample: 3, edits: [strong(new Float32Array(16))] },
  ]);
  expect(among?.tokens).toEqual(alone?.tokens);
  expect(unmoved?.tokens).toEqual(alone?.tokens);
  expect(other?.tokens).not.toEqual(alone?.tokens);
});

test('a NaN or infinite number ends its row at its step, and the text before it stays', async () => {
  const [plain] = await generateTexts(model, { rows: [{ tokens: prompt }], maxNewTokens: 9 });
  const beyond = strong(new Float32Array(16).fill(3e38), 4);
  const twice = [beyond, beyond];
  const found = await generateTexts(model, {
    rows: [{ tokens: prompt, edits: twice }, { tokens: prompt }],
    maxNewTokens: 9,
  });
  expect(found[0]).toMatchObject({ tokens: plain?.tokens.slice(0, 4), reason: 'notFinite' });
  expect(found[1]).toMatchObject({ tokens: plain?.tokens, reason: 'length' });
});

test('a context that will be full is reported beforehand, and the text stops there', async () => {
  const request = { rows: [{ tokens: prompt }], maxNewTokens: 10_000 };
  expect(tokenLimits(model, request)).toEqual([{ count: 198, reason: 'context' }]);
  const [text] = await generateTexts(model, request);
  expect(text).toMatchObject({ reason: 'context' });
  expect(text?.tokens).toHaveLength(198);
});

test('a text that is no longer wanted stops between steps and frees what it held', async () => {
  const live = backend.liveTensors;
  const stop = new AbortController();
  let steps = 0;
  const running = generateTexts(
    model,
    { rows: [{ tokens: prompt }], maxNewTokens: 100 },
    {
      signal: stop.signal,
      onStep: () => {
        steps += 1;
        if (steps === 3) stop.abort();
      },
    },
  );
  await expect(running).rejects.toThrow('aborted');
  expect(steps).toBe(3);
  // Who leaves the loop is done as well.
  for await (const { step } of generate(model, { rows: [{ tokens: prompt }], maxNewTokens: 100 }))
    if (step === 2) break;
  expect(backend.liveTensors).toBe(live);
});

test('a text that was broken off goes on from what was said, to the same end', async () => {
  const edits = [
    strong(new Float32Array(16).fill(0.4), 1),
    { ...strong(new Float32Array(16).fill(-0.3)), at: { prompt: [-1] } },
  ];
  const sampling = { temperature: 2, seed: 8, repetitionPenalty: 1.2 };
  const of = async (tokens: readonly number[]) =>
    (
      await generateTexts(model, {
        rows: [{ tokens, promptLength: prompt.length, edits, sample: 4 }],
        maxNewTokens: 15,
        sampling,
      })
    )[0]?.tokens;
  const whole = await of(prompt);
  for (const said of [1, 6, 14])
    expect(await of([...prompt, ...(whole?.slice(0, said) ?? [])])).toEqual(whole);
  expect(await of([...prompt, ...(whole ?? [])])).toEqual(whole);
  await expect(
    generateTexts(model, { rows: [{ tokens: prompt, promptLength: 4 }], maxNewTokens: 1 }),
  ).rejects.toThrow('A prompt of 4 tokens cannot begin a text of 3.');
});

test('two texts at once are those of one after the other', async () => {
  const of = (tokens: readonly number[]) => generateTexts(model, { rows: [{ tokens }], maxNewTokens: 8 });
  const together = await Promise.all([of(prompt), of([9, 8, 7])]);
  expect(together).toEqual([await of(prompt), await of([9, 8, 7])]);
});

describe('with a tokenizer', () => {
  test('a stop string is cut off, and its tokens stay in the record', async () => {
    const tokenizer = await buildTokenizer(byteLevelTokenizer(), {}, 'tiny');
    const request = { rows: [{ tokens: prompt }], maxNewTokens: 60, tokenizer };
    const sampling = { temperature: 1, topK: 200, seed: 4 };
    const [whole] = await generateTexts(model, { ...request, sampling });
    const text = whole?.text ?? '';
    const stop = text.slice(10, 13);
    const shown: string[] = [];
    const [cut] = await generateTexts(
      model,
      { ...request, sampling, stop: [stop] },
      {
        onStep: ({ tokens, ended }) =>
          shown.push(...tokens.map((token) => token.text), ...ended.map((end) => end.text)),
      },
    );
    expect(cut).toMatchObject({ text: text.slice(0, text.indexOf(stop)), reason: 'stop' });
    expect(shown.join('')).toBe(cut?.text);
    expect(cut?.tokens.length).toBeGreaterThan(0);
    await expect(generateTexts(model, { ...request, stop: [''] })).rejects.toThrow('A stop string is empty');
  });
});

test.each([0, 1.5, Number.NaN])('%d new tokens are refused', async (maxNewTokens) => {
  await expect(generateTexts(model, { rows: [{ tokens: prompt }], maxNewTokens })).rejects.toThrow(
    'must be a whole number from 1 on',
  );
});
