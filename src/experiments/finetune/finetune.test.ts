import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { orthonormalGap } from '../../autodiff/orthonormal.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { numbersOfText } from '../align/numbersText.ts';
import { ExperimentError } from '../experimentFile.ts';
import { completed, grown } from '../growth.ts';
import { runRow } from '../planRuns.ts';
import { forced, labelPositions } from '../teacherForcing.ts';
import { editedPositions, initialParameters, openAdapter, trainedParameters } from './adapter.ts';
import { type FinetuneExperimentFile, readFinetuneExperiment } from './experiment.ts';
import { finetuneGrowth } from './growth.ts';
import { resolveFinetune } from './resolve.ts';
import { type FinetuneResult, readFinetuneResult } from './result.ts';
import { trainedAdapter } from './saved.ts';
import { finetuneWork } from './work.ts';

const next = seededRandom(7);
const token = () => Math.floor(((next() + 1) / 2) * 30);
const data = Array.from({ length: 10 }, (_, at) => ({
  prompt: Array.from({ length: 4 + (at % 3) }, token),
  continuation: Array.from({ length: 1 + (at % 2) }, token),
}));
const plain: FinetuneExperimentFile = {
  kind: 'finetune',
  version: 1,
  model: 'tiny',
  adapters: [{ type: 'LoReFT', rank: 3, layers: [0, 1], positions: { first: 1, last: 2 } }],
  data: data.slice(0, 8),
  testData: data.slice(8),
  training: { batchSize: 4, epochs: 2, learningRate: 0.02 },
};

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

const resolve = (more: Partial<FinetuneExperimentFile> = {}) =>
  resolveFinetune(model.architecture, undefined, readFinetuneExperiment({ ...plain, ...more }));

const run = (more: Partial<FinetuneExperimentFile> = {}): Promise<FinetuneResult> =>
  completed(finetuneWork.run(model, resolve(more), {}), finetuneGrowth());

const lossesOf = ({ adapters: [adapter] }: FinetuneResult): readonly number[] => adapter?.steps.loss ?? [];

test.each([
  ['LoReFT', { type: 'LoReFT', rank: 3, layers: [0, 2], positions: { first: 1, last: 2 } }],
  [
    'LoReFT with weights apart',
    { type: 'LoReFT', rank: 3, layers: [1], positions: { first: 1, last: 2 }, sharedWeights: false },
  ],
  ['NoReFT', { type: 'NoReFT', rank: 3, layers: [1] }],
  ['DiReFT', { type: 'DiReFT', rank: 3, layers: [2], component: 'mlp_output' }],
  ['LoRA', { type: 'LoRA', rank: 2, alpha: 6, layers: 'all', component: 'query_output', positions: 'all' }],
  ['a steering vector', { type: 'SteeringVector', layers: [1], positions: 'all' }],
] as const)('%s: the first step has the loss of whole rows, and the loss falls', async (_, adapter) => {
  const training = { batchSize: 8, epochs: 12, learningRate: 0.02, schedule: 'constant' } as const;
  const finetune = resolve({ adapters: [adapter], training });
  const [resolved] = finetune.adapters;
  if (!resolved) throw new Error('There is no adapter.');
  const initial = initialParameters(resolved, 0);
  const open = openAdapter(resolved, trainedParameters(resolved, initial), initial, model.architecture);
  const tokens = finetune.train.reduce((sum, { label }) => sum + label.ids.length, 0);
  let whole = 0;
  for (const { prompt, label } of finetune.train) {
    const all = forced(prompt, label);
    const [read] = await model.run({
      rows: [
        {
          ...runRow(all),
          edits: open.editsOf(
            editedPositions(resolved, prompt.tokens.length, all.tokens.length, prompt.watched),
          ),
        },
      ],
      reads: [
        {
          row: 0,
          site: { component: 'logits', layer: null },
          location: { positions: labelPositions({ prompt, label }) },
        },
      ],
    });
    const logits = [...(read?.value?.data ?? [])];
    const width = logits.length / label.ids.length;
    label.ids.forEach((id, at) => {
      const own = logits.slice(at * width, (at + 1) * width);
      const most = Math.max(...own);
      const sum = own.reduce((total, x) => total + Math.exp(x - most), 0);
      whole += most + Math.log(sum) - (own[id] ?? Number.NaN);
    });
  }
  const result = await run({ adapters: [adapter], training });
  const losses = lossesOf(result);
  expect(losses[0]).toBeCloseTo(whole / tokens, 4);
  expect(losses.at(-1)).toBeLessThan(losses[0] ?? Number.NaN);
  expect(result.adapters[0]?.final?.train.loss).toBeLessThan(result.before.train.loss);
  // A result reads back, and the library takes what was trained.
  const again = readFinetuneResult(JSON.parse(JSON.stringify(result)));
  expect(trainedAdapter(again, 0).configuration.representations).toHaveLength(resolved.pieces.length);
});

test('a batch in parts makes the steps of the whole batch', async () => {
  const whole = await run({ training: { ...plain.training, batchSize: 8, epochs: 6 } });
  const parts = await run({ training: { ...plain.training, batchSize: 8, epochs: 6, microBatch: 3 } });
  expect(lossesOf(whole)).toHaveLength(6);
  lossesOf(whole).forEach((loss, at) => {
    expect(lossesOf(parts)[at]).toBeCloseTo(loss, 5);
  });
});

test('gradients are clipped by their common length', async () => {
  const sgd = { batchSize: 8, epochs: 1, learningRate: 0.1, optimizer: 'sgd', schedule: 'constant' } as const;
  const vector = { adapters: [{ type: 'SteeringVector', layers: [0, 1] }] } as const;
  const moved = (result: FinetuneResult) =>
    Object.entries(result.adapters[0]?.parameters ?? {}).flatMap(([name, text]) => [
      ...numbersOfText(text, name),
    ]);
  const length = (vector: readonly number[]) => Math.hypot(...vector);
  const free = moved(await run({ ...vector, training: { ...sgd, clip: null } }));
  expect(length(free)).toBeGreaterThan(0.001);
  const bound = length(free) / 0.1 / 2;
  const clipped = moved(await run({ ...vector, training: { ...sgd, clip: bound } }));
  expect(length(clipped)).toBeCloseTo(length(free) / 2, 4);
  clipped.forEach((x, at) => {
    expect(x).toBeCloseTo((free[at] ?? Number.NaN) / 2, 5);
  });
});

test('a training that was stopped in the middle of an epoch goes on at the next step, to the same bits', async () => {
  const whole = await run({ training: { ...plain.training, batchSize: 3, epochs: 3 } });
  const finetune = resolve({ training: { ...plain.training, batchSize: 3, epochs: 3 } });
  const controller = new AbortController();
  let earlier: FinetuneResult | undefined;
  const stopped = (async () => {
    for await (const result of grown(
      finetuneWork.run(model, finetune, { signal: controller.signal }),
      finetuneGrowth(),
    )) {
      earlier = result;
      if (lossesOf(result).length === 5) controller.abort();
    }
  })();
  await expect(stopped).rejects.toThrow('abort');
  expect(earlier?.adapters[0]?.state?.step).toBe(5);
  const read = readFinetuneResult(JSON.parse(JSON.stringify(earlier)));
  const rest: number[] = [];
  const growth = finetuneGrowth();
  for await (const change of finetuneWork.run(model, finetune, { earlier: read })) {
    growth.take(change);
    if (change.kind === 'step') rest.push(change.loss);
  }
  expect(rest).toEqual(lossesOf(whole).slice(5));
  expect(growth.result).toEqual(whole);
});

test('a rate that diverges ends the training with a sentence and the last good numbers', async () => {
  const result = await run({
    adapters: [{ type: 'NoReFT', rank: 3, layers: [0] }],
    training: {
      batchSize: 8,
      epochs: 30,
      learningRate: 1e25,
      clip: null,
      optimizer: 'sgd',
      schedule: 'constant',
    },
  });
  const [adapter] = result.adapters;
  expect(['loss', 'parameters']).toContain(adapter?.end);
  const [notice] = result.notices.filter(({ code }) => code === 'training-stopped');
  expect(notice?.text).toContain('NoReFT, rank 3, layer 0, last 1: after');
  expect(notice?.text).toContain('Give a learning rate below 1e+25.');
  for (const [name, text] of Object.entries(adapter?.parameters ?? {}))
    expect([...numbersOfText(text, name)].every(Number.isFinite)).toBe(true);
});

test('rotations stay orthonormal', async () => {
  const result = await run({ training: { ...plain.training, epochs: 20, learningRate: 0.05 } });
  const text = result.adapters[0]?.parameters['0 rotation'];
  if (!text) throw new Error('There is no rotation.');
  expect(orthonormalGap(numbersOfText(text, 'rotation'), 16, 3)).toBeLessThan(1e-5);
});

describe('rotations behind Householder vectors', () => {
  const training = { ...plain.training, batchSize: 3, epochs: 3, rotation: 'householder' } as const;

  test('begin with the loss of the manifold, go another way, and stay orthonormal', async () => {
    const [manifold, householder] = [
      await run({ training: { ...training, rotation: 'manifold' } }),
      await run({ training }),
    ];
    expect(lossesOf(householder)[0]).toBe(lossesOf(manifold)[0]);
    expect(lossesOf(householder)[5]).not.toBeCloseTo(lossesOf(manifold)[5] ?? Number.NaN, 5);
    expect(lossesOf(householder).at(-1)).toBeLessThan(lossesOf(householder)[0] ?? Number.NaN);
    const text = householder.adapters[0]?.parameters['0 rotation'];
    if (!text) throw new Error('There is no rotation.');
    expect(orthonormalGap(numbersOfText(text, 'rotation'), 16, 3)).toBeLessThan(1e-5);
    // What is kept is the rotation, not what it follows from.
    expect(
      Object.keys(householder.adapters[0]?.parameters ?? {}).filter((name) => /vectors/.test(name)),
    ).toEqual([]);
  });

  test('go on after a stop at the next step, to the same bits', async () => {
    const whole = await run({ training });
    const finetune = resolve({ training });
    const controller = new AbortController();
    let earlier: FinetuneResult | undefined;
    const stopped = (async () => {
      for await (const result of grown(
        finetuneWork.run(model, finetune, { signal: controller.signal }),
        finetuneGrowth(),
      )) {
        earlier = result;
        if (lossesOf(result).length === 5) controller.abort();
      }
    })();
    await expect(stopped).rejects.toThrow('abort');
    const read = readFinetuneResult(JSON.parse(JSON.stringify(earlier)));
    expect(await completed(finetuneWork.run(model, finetune, { earlier: read }), finetuneGrowth())).toEqual(
      whole,
    );
  });

  test.each([
    [
      'a decay',
      { training: { ...training, weightDecay: 0.1 } },
      "'training.rotation' is 'householder', with a decay of 0.1, which would shrink the vectors towards the start.",
    ],
    [
      'a rank as large as the width',
      { adapters: [{ type: 'LoReFT', rank: 16, layers: [1] }], training },
      "'training.rotation' is 'householder', and the rotation has as many columns as the width, 16",
    ],
  ] as const)('%s is refused', (_, more, sentence) => {
    expect(() => resolve(more as Partial<FinetuneExperimentFile>)).toThrow(sentence);
  });
});

test('first and last positions of a short prompt get at most half of it each, and a notice says so', () => {
  const { adapters, notices } = resolve({
    adapters: [{ type: 'LoReFT', rank: 1, layers: [1], positions: { first: 3, last: 3 } }],
  });
  const [adapter] = adapters;
  if (!adapter) throw new Error('There is no adapter.');
  expect(editedPositions(adapter, 5, 7, 4)).toEqual({ first: [0, 1], last: [3, 4] });
  expect(notices.find(({ code }) => code === 'positions-cut-short')?.text).toBe(
    'LoReFT, rank 1, layer 1, first 3 and last 3: 7 of 10 prompts have fewer positions than it asks for, and it acts on those that there are; of first and last ones together each side gets at most half of a prompt.',
  );
});

test('the estimate counts tokens from where rows fork on', () => {
  const twice = { batchSize: 2, epochs: 3, testEvery: 3 } as const;
  const finetune = resolve({
    adapters: [{ type: 'LoReFT', rank: 1, layers: [1], positions: { last: 1 } }],
    data: [
      { prompt: [1, 2, 3, 4], continuation: 5 },
      { prompt: [6, 7, 8, 9, 10], continuation: [11, 12] },
    ],
    testData: [{ prompt: [2, 4, 6], continuation: 1 }],
    training: twice,
  });
  // Of three layers rows fork at the entrance of the third, at the last token of the prompt: 1, 2 and 1 tokens each.
  const [whole, forked] = [4 + 6 + 3, { train: 1 + 2, test: 1 }];
  const kept = whole * 3;
  const steps = twice.epochs * 2 * forked.train;
  // After the only look within the training, and at its end.
  const looks = 2 * forked.test + forked.train;
  expect(finetuneWork.estimate(model.architecture, finetune).tokenLayers).toBe(
    whole * 3 + kept + steps + looks,
  );
});

test('one continuation only is said', () => {
  const one = data.slice(0, 8).map(({ prompt }) => ({ prompt, continuation: 3 }));
  expect(resolve({ data: one }).notices.find(({ code }) => code === 'one-continuation')?.text).toBe(
    'All 8 examples to train with go on with "#3", so an adapter that always says it is right. Add examples of another continuation.',
  );
});

describe('a finetuning is refused in a sentence', () => {
  test.each([
    [
      'a rank above the width',
      { adapters: [{ type: 'LoReFT', rank: 17, layers: [1] }] },
      "'adapters.0.rank' is 17, but 'block_output' has a width of 16. Give at most 16.",
    ],
    [
      'a layer that does not exist',
      { adapters: [{ type: 'LoReFT', rank: 1, layers: [3] }] },
      "'adapters.0.layers': there is no 'block_output' in layer 3; this model has layers 0 to 2.",
    ],
    [
      'LoRA where no module returns the component',
      { adapters: [{ type: 'LoRA', rank: 1, layers: [1], component: 'block_middle' }] },
      "'block_middle' is not what a module returns",
    ],
    [
      'first and last of a prompt of one token',
      {
        adapters: [{ type: 'LoReFT', rank: 1, layers: [1], positions: { first: 1, last: 1 } }],
        data: [...data, { prompt: [1], continuation: 2 }],
      },
      "'data.10.prompt' has 1 token, too few for 'adapters.0.positions'",
    ],
    [
      'two adapters of one name',
      {
        adapters: [
          { type: 'LoReFT', rank: 1, layers: [1] },
          { type: 'LoReFT', rank: 1, layers: [1] },
        ],
      },
      "'adapters' has two by the name",
    ],
    [
      'a continuation that does not fit behind its prompt',
      { data: [...data, { prompt: new Array(24).fill(1), continuation: [1, 2] }] },
      'The prompt has 25 tokens, but this model has 24 positions.',
    ],
    [
      'a batch larger than the data',
      { training: { batchSize: 9 } },
      "'training.batchSize' is 9, but only 8 examples are left to train with.",
    ],
  ] as const)('%s', (_, more, sentence) => {
    expect(() => resolve(more as Partial<FinetuneExperimentFile>)).toThrow(sentence);
  });

  test.each([
    [
      'no position',
      { adapters: [{ type: 'LoReFT', rank: 1, layers: [1], positions: {} }] },
      'Name at least one position',
    ],
    [
      'a rank for a steering vector',
      { adapters: [{ type: 'SteeringVector', rank: 1, layers: [1] }] },
      "'adapters.0.rank': There is no such field.",
    ],
    ['an unknown type', { adapters: [{ type: 'Reft', rank: 1, layers: [1] }] }, "'adapters.0.type'"],
  ])('%s', (_, more, sentence) => {
    expect(() => readFinetuneExperiment({ ...plain, ...more })).toThrow(ExperimentError);
    expect(() => readFinetuneExperiment({ ...plain, ...more })).toThrow(sentence);
  });
});
