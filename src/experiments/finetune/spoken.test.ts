import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { generateTexts } from '../../runtime/generation/generate.ts';
import { Model } from '../../runtime/model.ts';
import { numbersText } from '../align/numbersText.ts';
import { floatsOf, promptRow, readLogits } from '../planRuns.ts';
import { topCandidates } from '../predict.ts';
import { textPrompt } from '../resolvedPrompt.ts';
import {
  editedPositions,
  initialParameters,
  openAdapter,
  resolveAdapter,
  trainedParameters,
} from './adapter.ts';
import { describeExamples } from './described.ts';
import { type FinetuneAdapter, readFinetuneExperiment } from './experiment.ts';
import { spokenEdits, type TrainedText } from './spoken.ts';

let backend: Backend;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
});
afterAll(async () => {
  await model.dispose();
  expect(backend.liveTensors).toBe(0);
  await backend.close();
});

const read = (adapter: unknown): FinetuneAdapter => {
  const [first] = readFinetuneExperiment({
    kind: 'finetune',
    version: 1,
    model: 'tiny',
    adapters: [adapter],
    data: [{ prompt: [1], continuation: 2 }],
  }).adapters;
  if (!first) throw new Error('There is no adapter.');
  return first;
};

/** An adapter far from where it starts, so that it says something else; a rotation stays the rotation that it was. */
function moved(adapter: FinetuneAdapter) {
  const resolved = resolveAdapter(model.architecture, adapter, 0);
  const initial = initialParameters(resolved, 3);
  const next = seededRandom(11);
  const numbers = Object.fromEntries(
    Object.entries(trainedParameters(resolved, initial)).map(([name, { data, shape, isOrthonormal }]) => [
      name,
      { shape, data: isOrthonormal ? data : Float32Array.from(data, (x) => x + 2 * next()) },
    ]),
  );
  const text: TrainedText = {
    adapter,
    layers: resolved.layers,
    parameters: Object.fromEntries(
      Object.entries(numbers).map(([name, { data, shape }]) => [name, numbersText(data, shape)]),
    ),
  };
  return { resolved, initial, numbers, text };
}

const prompt = [5, 9, 2, 14, 7];

test.each([
  ['LoReFT at the last position', { type: 'LoReFT', rank: 2, layers: [1] }],
  [
    'LoReFT at both ends with weights apart',
    { type: 'LoReFT', rank: 2, layers: [0, 2], positions: { first: 1, last: 2 }, sharedWeights: false },
  ],
  ['DiReFT in an MLP', { type: 'DiReFT', rank: 2, layers: [1], component: 'mlp_output' }],
  ['LoRA everywhere', { type: 'LoRA', rank: 2, layers: 'all', component: 'query_output', positions: 'all' }],
  ['a vector everywhere', { type: 'SteeringVector', layers: [1], positions: 'all' }],
] as const)('%s: a text says what whole runs under the adapter say, token by token', async (_, given) => {
  const adapter = read(given);
  const { resolved, initial, numbers, text } = moved(adapter);
  const edits = spokenEdits(model.architecture, text, textPrompt(prompt));
  const logs: readonly [plain: number[], adapted: number[]] = [[], []];
  const [, adapted] = await generateTexts(
    model,
    { rows: [{ tokens: prompt }, { tokens: prompt, edits }], maxNewTokens: 5 },
    {
      onStep: ({ tokens }) => {
        for (const { row, logProbability } of tokens) logs[row]?.push(logProbability);
      },
    },
  );
  const open = openAdapter(resolved, numbers, initial, model.architecture);
  const said: number[] = [];
  const expected: number[] = [];
  for (let step = 0; step < 5; step++) {
    const tokens = [...prompt, ...said];
    const acting = open.editsOf(editedPositions(resolved, prompt.length, tokens.length, prompt.length - 1));
    const [logits] = await model.run({
      rows: [{ ...promptRow(tokens), edits: acting }],
      reads: [readLogits(0, tokens.length - 1)],
    });
    const [best] = topCandidates(floatsOf(logits), 1);
    said.push(best?.id ?? -1);
    expected.push(Math.log(best?.probability ?? Number.NaN));
  }
  expect(adapted?.tokens).toEqual(said);
  expected.forEach((log, step) => {
    expect(logs[1][step]).toBeCloseTo(log, 4);
  });
  expect(Math.abs((logs[1][0] ?? 0) - (logs[0][0] ?? 0))).toBeGreaterThan(0.01);
});

test('numbers of another model, and a prompt that is too short, are refused in a sentence', () => {
  const { text } = moved(read({ type: 'LoReFT', rank: 2, layers: [1], positions: { first: 1, last: 1 } }));
  const rotation = text.parameters['0 rotation'];
  if (!rotation) throw new Error('There is no rotation.');
  const foreign = {
    ...text,
    parameters: { ...text.parameters, '0 rotation': { ...rotation, shape: [8, 4] } },
  };
  expect(() => spokenEdits(model.architecture, foreign, textPrompt(prompt))).toThrow(
    "The numbers of '0 rotation' have the shape [8, 4], and this model needs [16, 2].",
  );
  expect(() => spokenEdits(model.architecture, { ...text, parameters: {} }, textPrompt(prompt))).toThrow(
    'may belong to another',
  );
  expect(() => spokenEdits(model.architecture, text, textPrompt([5]))).toThrow('Write a longer prompt.');
});

test('examples are described one by one: where each adapter acts, and what is wrong with which', () => {
  const adapters = [
    read({ type: 'LoReFT', rank: 1, layers: [1], positions: { first: 1, last: 2 } }),
    read({ type: 'SteeringVector', layers: [1], positions: 'all' }),
    read({ type: 'LoReFT', rank: 17, layers: [1] }),
  ];
  const [whole, short, long] = describeExamples(model.architecture, undefined, {
    adapters,
    examples: [
      { prompt: [1, 2, 3, 4, 5, 6], continuation: [7, 8] },
      { prompt: [1], continuation: 2 },
      { prompt: new Array(24).fill(1), continuation: [1, 2] },
    ],
  });
  expect(whole).toEqual({
    prompt: [1, 2, 3, 4, 5, 6].map((id) => ({ id, text: `#${id}` })),
    continuation: [7, 8].map((id) => ({ id, text: `#${id}` })),
    mask: null,
    acts: [[0, 4, 5], [0, 1, 2, 3, 4, 5, 6], []],
    stacks: ['main', 'main', 'main'],
    problem: null,
  });
  expect(short?.problem).toContain("'data.1.prompt' has 1 token, too few for 'adapters.0.positions'");
  expect(long?.problem).toBe(
    "'data.2': The prompt has 25 tokens, but this model has 24 positions. Shorten it.",
  );
});
