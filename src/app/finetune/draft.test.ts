import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type FinetuneExperimentFile,
  readFinetuneExperiment,
} from '../../experiments/finetune/experiment.ts';
import { type FinetuneResult, readFinetuneResult } from '../../experiments/finetune/result.ts';
import { readSteerExperiment } from '../../experiments/steer/experiment.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import { experimentKey } from '../experiment/key.ts';
import { answerRows, bestAdapter } from './answers.ts';
import { adapterCurves, curveRows } from './curves.ts';
import { blankFinetune, changedAdapter, documentOf, type FinetuneDocument, withAdapter } from './document.ts';
import { deriveFinetune, placedSentence } from './draft.ts';
import { folderOf, steeringOf } from './handOver.ts';
import { finetunePage, plainExperiment } from './page.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../examples/finetune/${name}.json`, import.meta.url), 'utf8'));
const model = { label: 'tiny-atlas', layerCount: 8, maxPositions: 64 };
const derive = (document: FinetuneDocument) => deriveFinetune(document, { model, tokens: [] });
const page = finetunePage([]);
const stored = readFinetuneResult(read('results/country'));

const file: FinetuneExperimentFile = {
  kind: 'finetune',
  version: 1,
  title: 'Some',
  model: 'tiny-atlas',
  adapters: [
    { type: 'LoReFT', rank: 4, layers: [2, 0, 5], positions: { first: 2, last: 3 }, sharedWeights: false },
    {
      type: 'LoRA',
      rank: 2,
      alpha: 8,
      name: 'beside',
      component: 'mlp_output',
      layers: 'all',
      positions: 'all',
    },
    { type: 'SteeringVector', layers: [3] },
  ],
  data: [
    { prompt: 'A\nline', continuation: ' b' },
    { prompt: 'c', continuation: ' d' },
  ],
  split: { testShare: 0.35, seed: 3 },
  training: {
    microBatch: 2,
    clip: null,
    optimizer: 'sgd',
    schedule: 'constant',
    shuffle: false,
    batchSize: 1,
  },
  seed: 9,
};

test.each([
  ['the example', read('country')],
  ['a file of many settings', file],
  ['a file with the usual split written out', { ...file, split: { testShare: 0.2, seed: 0 } }],
])('what %s states comes out of the controls again as it was', (_, content) => {
  const experiment = readFinetuneExperiment(content);
  const { experiment: again, problems } = derive(page.documentOf(experiment, null));
  expect([...problems]).toEqual([]);
  expect(again && experimentKey(again)).toBe(experimentKey(plainExperiment(experiment)));
  // A link leaves out what reading fills in again.
  const brief = JSON.parse(JSON.stringify(page.brief(experiment)));
  expect(readFinetuneExperiment(brief)).toEqual(experiment);
  expect(Object.hasOwn(brief.adapters[2] ?? {}, 'positions')).toBe(false);
});

test('the stored result opens as current, and its best method is the first', () => {
  const document = page.documentOf(readFinetuneExperiment(read('country')), stored);
  const { experiment } = derive(document);
  expect(experiment && experimentKey(experiment)).toBe(experimentKey(page.experimentOf(stored)));
  expect(stored.names[bestAdapter(stored)]).toBe('LoReFT, rank 1, layer 3, last 1');
});

test('token ids are refused with the way on', () => {
  const ids = readFinetuneExperiment({ ...file, data: [{ prompt: [1, 2], continuation: 3 }] });
  expect(() => page.documentOf(ids, null)).toThrow('patchbay run FILE.json');
});

test('an empty page says at each field what is missing', () => {
  const { problems, experiment } = derive(blankFinetune);
  expect(experiment).toBeNull();
  expect(Object.fromEntries(problems)).toEqual({
    'data 1 prompt': 'Example 1 has no prompt. Write it.',
    'data 1 continuation':
      'Example 1 has no continuation. Write what should follow, with the space before it.',
  });
  expect(derive({ ...blankFinetune, data: [] }).problems.get('data')).toContain('There is no example.');
  expect(derive({ ...blankFinetune, testData: [] }).problems.get('testData')).toContain(
    'no held-out example',
  );
});

test('methods and settings that cannot be are said at their fields', () => {
  const whole: ModelInfo = {
    ...model,
    family: 'gpt2',
    architecture: 'gpt2',
    isCausal: true,
    width: 128,
    headCount: 4,
    vocabularySize: 100,
    parameterCount: 1,
    weightBytes: 4,
    components: [{ name: 'block_output', layers: 8, shape: ['position', 128], description: '', feeds: [] }],
  };
  const document = documentOf(readFinetuneExperiment(read('country')));
  const at = (changed: FinetuneDocument, field: string) =>
    deriveFinetune(changed, { model: whole, tokens: [] }).problems.get(field);
  const method = (change: Parameters<typeof changedAdapter>[2]) => changedAdapter(document, 1, change);
  const training = (change: Partial<FinetuneDocument['training']>) => ({
    ...document,
    training: { ...document.training, ...change },
  });
  expect(at(method({ rank: '129' }), 'adapter 1 rank')).toBe(
    'block_output has 128 directions; give at most 128.',
  );
  expect(at(method({ rank: '0' }), 'adapter 1 rank')).toBe('Give a whole number from 1 on.');
  expect(at(method({ layers: '3, 8' }), 'adapter 1 layers')).toBe(
    'There is no layer 8; this model has layers 0 to 7.',
  );
  expect(at(method({ first: '0', last: '0' }), 'adapter 1 last')).toContain('Name at least one position');
  expect(at(method({ last: '1.5' }), 'adapter 1 last')).toBe('Give a whole number from 0 to 1000.');
  expect(at(training({ learningRate: '0' }), 'learningRate')).toBe('Give a number above 0.');
  expect(at(training({ clip: '-1' }), 'clip')).toBe('Give a number above 0.');
  expect(at(training({ epochs: '10001' }), 'epochs')).toBe('Give a whole number from 1 to 10000.');
  expect(at({ ...document, testData: null, testShare: '100' }, 'testShare')).toBe(
    'Give a number above 0 and at most 99.9.',
  );
  expect(at({ ...document, adapters: [] }, 'adapters')).toContain('Add a method');
  // Adapters are marked in the examples while a row is half typed, and not while they are.
  const half = { ...document, data: [{ id: 1, prompt: '', continuation: '' }] };
  expect(deriveFinetune(half, { model: whole, tokens: [] }).adapters).toHaveLength(5);
  expect(deriveFinetune(method({ rank: '' }), { model: whole, tokens: [] }).adapters).toBeNull();
});

test('a method changed to LoRA goes beside a module, and back; a method more is a copy to be changed', () => {
  const lora = changedAdapter(blankFinetune, 1, { type: 'LoRA' });
  expect(lora.adapters[0]).toMatchObject({ component: 'query_output', where: 'all', layers: 'all' });
  const back = changedAdapter(lora, 1, { type: 'DiReFT' });
  expect(back.adapters[0]).toMatchObject({ component: 'block_output', where: 'prompt', type: 'DiReFT' });
  const two = withAdapter(changedAdapter(blankFinetune, 1, { rank: '4', name: 'four' }));
  expect(two.adapters.map(({ id, rank, name }) => [id, rank, name])).toEqual([
    [1, '4', 'four'],
    [2, '4', ''],
  ]);
});

test('what the engine refuses is said at the control that puts it right, in the words of the page', () => {
  const document = documentOf(readFinetuneExperiment(file));
  const [first, second] = [document.data[0]?.id, document.data[1]?.id];
  const placed = (message: string) => placedSentence(message, document);
  expect(placed("The prompt 'data.1.prompt' has no tokens. Give at least one word.")).toEqual([
    `data ${second} prompt`,
    'The prompt has no tokens. Give at least one word.',
  ]);
  expect(placed("The continuation 'data.0.continuation' has no tokens. Give at least one word.")).toEqual([
    `data ${first} continuation`,
    'The continuation has no tokens. Give at least one word.',
  ]);
  expect(
    placed("This esm model predicts what stands at a mask, and the prompt 'data.0.prompt' has none."),
  ).toEqual([
    `data ${first} prompt`,
    'This esm model predicts what stands at a mask, and the prompt has none.',
  ]);
  expect(placed("'data.1': The prompt has 25 tokens, but this model has 24 positions.")).toEqual([
    `data ${second} prompt`,
    'The prompt has 25 tokens, but this model has 24 positions.',
  ]);
  expect(placed("'data.0.prompt' has 1 token, too few for 'adapters.0.positions', which asks.")).toEqual([
    `data ${first} prompt`,
    'The prompt has 1 token, too few for the positions of method 1, which asks.',
  ]);
  expect(placed("'adapters.1.rank' is 300, but 'mlp_output' has a width of 128.")).toEqual([
    'adapter 2 rank',
    "The rank of method 2 is 300, but 'mlp_output' has a width of 128.",
  ]);
  expect(placed("Component 'mlp_output' does not exist in this.")[0]).toBe('adapter 2 component');
  expect(placed("'adapters' has two by the name \"a\". Give each a 'name' of its own.")[0]).toBe('adapters');
  expect(placed("'training.batchSize' is 9, but only 8 examples are left to train with.")).toEqual([
    'batchSize',
    'The batch is 9, but only 8 examples are left to train with.',
  ]);
  expect(placed("'split.testShare': 0.2 of 2 examples leaves nothing.")[0]).toBe('testShare');
});

/** The stored result with its first adapter stopped at its fifth look. */
function halfway(): FinetuneResult {
  const [loreft] = stored.adapters;
  if (!loreft) throw new Error('There is no adapter.');
  const { final: _, answers: __, ...open } = loreft;
  const epochs = open.epochs.slice(0, 5);
  const step = epochs.at(-1)?.step ?? 0;
  return {
    ...stored,
    adapters: [
      {
        ...open,
        end: 'begun',
        epochs,
        steps: { loss: open.steps.loss.slice(0, step + 2), rate: open.steps.rate.slice(0, step + 2) },
        state: { step, numbers: {} },
      },
      ...stored.adapters.slice(1).map(() => null),
    ],
  };
}

test('what a stopped training would go on with grows with each look, and is said by steps', () => {
  expect(page.kept?.(halfway())).toEqual({ amount: 50, words: '0 of 5 adapters and 50 steps of the next' });
  expect(page.kept?.(stored)).toEqual({ amount: 5 * 101, words: '5 of 5 adapters' });
});

test('curves and their table hold every step, and the looks at what is held out', () => {
  const half = halfway();
  const [loss] = adapterCurves(half, 0).panels;
  expect(loss?.lines.map(({ points }) => points.length)).toEqual([52, 5]);
  expect(loss?.lines[0]?.points[51]).toEqual([52, stored.adapters[0]?.steps.loss[51]]);
  expect(loss?.references).toEqual([{ name: 'held out, before', value: stored.before.test.loss }]);
  const rows = half.adapters[0] ? curveRows(half.adapters[0]) : [];
  expect(rows).toHaveLength(52);
  expect(rows.filter(({ test: look }) => look !== undefined).map(({ step }) => step)).toEqual([
    10, 20, 30, 40, 50,
  ]);
  // A method that was not begun has no curve, and its figure stands.
  expect(adapterCurves(half, 1).panels[0]?.lines[0]?.points).toEqual([]);
});

test('answers before and after are right where every token is', () => {
  const rows = answerRows(stored, 0);
  expect(rows).toHaveLength(123);
  const right = rows.filter(({ after }) => after?.isRight).length;
  expect(right / rows.length).toBeCloseTo(stored.adapters[0]?.final?.test.match ?? Number.NaN, 9);
  expect(rows.filter(({ before }) => before.isRight)).toEqual([]);
  const [given] = readFinetuneExperiment(read('country')).testData ?? [];
  expect(rows[0]?.prompt).toBe(given?.prompt);
  expect(rows[0]?.continuation.join('')).toBe(given?.continuation);
  expect(answerRows(halfway(), 0)[0]?.after).toBeNull();
});

test('a folder says who loads it, and a plain vector becomes a steering that adds it where it was trained', () => {
  expect(stored.adapters.map((_, index) => folderOf(stored, index).reader)).toEqual([
    'pyreft',
    'pyreft',
    'pyreft',
    // The query of this model is a part of a larger matrix, which PEFT's LoRA is not beside.
    null,
    'pyvene',
  ]);
  const steering = readSteerExperiment(steeringOf(stored, 4, null));
  const [vector] = steering.vectors;
  expect(vector).toMatchObject({ component: 'block_output', layers: [3] });
  expect(vector && 'numbers' in vector.from && vector.from.numbers[0]?.length).toBe(128);
  expect(steering.edits[0]).toMatchObject({
    strength: 1,
    unit: 'raw',
    prompt: [-1],
    steps: 'none',
    specialTokens: true,
  });
  expect(steering.prompts).toHaveLength(4);
  expect(() => steeringOf(stored, 0, null)).toThrow('Only a plain vector');
});
