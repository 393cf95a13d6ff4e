import { describe, expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import { tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { PlanError } from '../../runtime/plan/plan.ts';
import { ExperimentError } from '../experimentFile.ts';
import { type AlignExperimentFile, readAlignExperiment } from './experiment.ts';
import { resolveAlign } from './resolve.ts';

const architecture = describeArchitecture(tinyConfigurations.gpt2, new Set());
const data = Array.from({ length: 10 }, (_, at) => ({
  base: [1, 2, 3 + at],
  source: [4, 5, 6 + at],
  label: 7 + (at % 2),
  baseLabel: 7,
}));
const plain: AlignExperimentFile = {
  kind: 'align',
  version: 1,
  model: 'tiny',
  site: { component: 'block_output', layer: 1, position: 'last' },
  intervention: { type: 'LowRankRotated', rank: 2 },
  data,
  training: { batchSize: 4 },
};
const resolve = (more: object) =>
  resolveAlign(architecture, undefined, readAlignExperiment({ ...plain, ...more }));

describe('an alignment', () => {
  test('has the defaults of pyvene: 10 epochs, 1e-3, Adam, 10 % of warming up, temperature 50 to 0.1', () => {
    expect(readAlignExperiment({ ...plain, training: {} }).training).toEqual({
      batchSize: 32,
      epochs: 10,
      learningRate: 1e-3,
      optimizer: 'adam',
      rotation: 'manifold',
      schedule: 'linear',
      warmUp: 0.1,
      temperature: [50, 0.1],
      shuffle: true,
    });
  });

  test('splits its data by share and seed, the same each time, every example on one side', () => {
    const split = (seed: number) => resolve({ split: { testShare: 0.3, seed } });
    const { train, test: tested } = split(5);
    expect([train.length, tested.length]).toEqual([7, 3]);
    const last = ({ base }: (typeof train)[number]) => base.tokens[2] ?? 0;
    expect([...train, ...tested].map(last).sort((a, b) => a - b)).toEqual(data.map(({ base }) => base[2]));
    expect(split(5)).toEqual(split(5));
    expect(split(6).test.map(last)).not.toEqual(tested.map(last));
  });

  test('keeps a pair of prompts that repeats on one side, and says how many are distinct', () => {
    const repeated = Array.from({ length: 40 }, (_, at) => data[at % 10] ?? data[0]);
    const { train, test: tested, notices } = resolve({ data: repeated, split: { testShare: 0.3 } });
    const pairsOf = (examples: typeof train) => new Set(examples.map(({ base }) => base.tokens[2]));
    expect([...pairsOf(tested)].filter((last) => pairsOf(train).has(last))).toEqual([]);
    // Three of ten pairs, four times each.
    expect([pairsOf(tested).size, tested.length, train.length]).toEqual([3, 12, 28]);
    expect(notices.find(({ code }) => code === 'repeated-examples')?.text).toBe(
      'Of 40 examples 10 are distinct pairs of prompts. None of those that are tested was trained with.',
    );
    expect(resolve({}).notices.map(({ code }) => code)).not.toContain('repeated-examples');
    expect(
      resolve({ testData: data.slice(0, 3) }).notices.find(({ code }) => code === 'repeated-examples')?.text,
    ).toBe(
      'Of 13 examples 10 are distinct pairs of prompts. 3 of the 3 that are tested are pairs that training saw, so the accuracy of the test says less.',
    );
    expect(() => resolve({ data: repeated.map(() => data[0]) })).toThrow(
      'All 40 examples are one pair of prompts',
    );
  });

  test('takes a test of its own whole, in order', () => {
    const { train, test: tested } = resolve({ testData: data.slice(0, 3) });
    expect(train.map(({ base }) => base.tokens)).toEqual(data.map(({ base }) => base));
    expect(tested).toHaveLength(3);
  });

  test('has a site for each layer and position, and a place for each example and position', () => {
    const named = data.map((example, at) => ({ ...example, positions: { here: at % 2 ? 1 : [0, 2] } }));
    const { sites, train } = resolve({
      data: named,
      testData: data.slice(0, 1).map((example) => ({ ...example, positions: { here: 0 } })),
      site: { component: 'mlp_output', layer: 'all', position: ['here', 'last', 1] },
    });
    expect(sites.map(({ layer, position }) => `${layer} ${position}`)).toEqual([
      '0 here',
      '0 last',
      '0 1',
      '1 here',
      '1 last',
      '1 1',
      '2 here',
      '2 last',
      '2 1',
    ]);
    const last = { base: [2], source: [2] };
    const second = { base: [1], source: [1] };
    expect(train[0]?.places).toEqual([{ base: [0], source: [2] }, last, second]);
    expect(train[1]?.places).toEqual([second, last, second]);
  });

  test('says what a reader should know of its labels', () => {
    const codes = (more: object) => resolve(more).notices.map(({ code }) => code);
    expect(codes({})).toEqual([]);
    expect(codes({ data: data.map(({ base, source, label }) => ({ base, source, label })) })).toEqual([
      'no-factual-labels',
    ]);
    expect(codes({ data: data.map((example) => ({ ...example, baseLabel: example.label })) })).toEqual([
      'labels-never-change',
    ]);
  });
});

describe('an alignment is refused in a sentence', () => {
  test.each([
    [
      'a component that does not exist',
      { site: { component: 'block_outptu', layer: 1, position: 0 } },
      "Did you mean 'block_output' or",
    ],
    [
      'a component without a vector for each position',
      { site: { component: 'attention_weight', layer: 1, position: 0 } },
      "'site.component': 'attention_weight' has no vector for each position of a layer",
    ],
    [
      'a layer that does not exist',
      { site: { component: 'block_output', layer: 3, position: 0 } },
      "'site.layer': there is no layer 3; this model has layers 0 to 2.",
    ],
    [
      'a layer twice',
      { site: { component: 'block_output', layer: [1, 1], position: 0 } },
      "'site.layer' names one twice: 1, 1.",
    ],
    [
      'a position beyond a prompt',
      { site: { component: 'block_output', layer: 1, position: 3 } },
      "'data.0.base' has no position 3: its 3 tokens have positions 0 to 2.",
    ],
    [
      'a position that the examples do not name',
      { site: { component: 'block_output', layer: 1, position: 'lats' } },
      "'data.0.positions' has no 'lats', which 'site.position' names. Did you mean 'last'?",
    ],
    [
      'a rank above the width',
      { intervention: { type: 'LowRankRotated', rank: 17 } },
      "'intervention.rank' is 17, but 'block_output' has a width of 16. Give at most 16.",
    ],
    [
      'more dimensions than the width',
      { intervention: { type: 'Rotated', dimensions: 20 } },
      "'intervention.dimensions' is 20, but 'block_output' has a width of 16.",
    ],
    [
      'a batch larger than the data',
      { training: { batchSize: 9 } },
      "'training.batchSize' is 9, but only 8 examples are left to train with. Give at most 8.",
    ],
    [
      'a share that leaves nothing',
      { split: { testShare: 0.01 } },
      "'split.testShare': 0.01 of 10 examples leaves 0 to test and 10 to train; both need at least one.",
    ],
    [
      'one class only',
      { data: data.map((example) => ({ ...example, label: 7 })) },
      'All 8 examples to train with have the label "#7", so any intervention that always gives it is right.',
    ],
    [
      'Householder vectors for a rotation of the whole width',
      {
        intervention: { type: 'Rotated', dimensions: 2 },
        training: { batchSize: 4, rotation: 'householder' },
      },
      "'training.rotation' is 'householder', and the rotation has as many columns as the width, 16: Householder vectors are for fewer. Leave it out to train on the manifold.",
    ],
    [
      'Householder vectors that an optimiser shrinks unless it is told not to',
      { training: { batchSize: 4, rotation: 'householder', optimizer: 'adamw' } },
      "'training.rotation' is 'householder', with a decay of 0.01, which would shrink the vectors towards the start. Give \"weightDecay\": 0",
    ],
    ['a token that does not exist', { data: [{ ...data[0], label: 31 }] }, 'the vocabulary has ids 0 to 30'],
    [
      'a prompt that is too long',
      { data: [{ ...data[0], base: new Array(25).fill(1) }] },
      'The prompt has 25 tokens',
    ],
  ])('%s', (_, more, sentence) => {
    expect(() => resolve(more)).toThrow(sentence);
    expect(() => resolve(more)).toThrow(
      sentence.includes('Did you mean') && !sentence.includes('data.0') ? PlanError : Error,
    );
  });

  test.each([
    ['an unknown type', { intervention: { type: 'Rotate' } }, "'intervention.type'"],
    [
      'a learning rate of 0',
      { training: { learningRate: 0 } },
      "'training.learningRate': It must be above 0.",
    ],
    ['a field that there is not', { training: { lr: 1 } }, "'training.lr': There is no such field."],
    [
      'a split beside a test of its own',
      { testData: data, split: { testShare: 0.5 } },
      'nothing is to be split; leave one of the two out',
    ],
    ['no example', { data: [] }, "'data': There is no example"],
  ])('%s', (_, more, sentence) => {
    expect(() => readAlignExperiment({ ...plain, ...more })).toThrow(ExperimentError);
    expect(() => readAlignExperiment({ ...plain, ...more })).toThrow(sentence);
  });

  test.each([
    [
      'positions of different number',
      { component: 'block_output', layer: 1, position: [[0, 1], 2] },
      "'site.position' joins 2 in one site and 1 in another, so their vectors are not of one width.",
    ],
    [
      'two joined positions that are one token',
      { component: 'block_output', layer: 1, position: [[2, 'last']] },
      "'site.position' joins 2 and last, and in 'data.0.base' 2 and last are both position 2.",
    ],
    [
      'heads of what has none',
      { component: 'block_output', layer: 1, position: 0, heads: [0] },
      "'site.heads': 'block_output' is not one for each head.",
    ],
    [
      'a component of heads without heads',
      { component: 'head_attention_value_output', layer: 1, position: 0 },
      "'site.heads' is missing: 'head_attention_value_output' is one for each head.",
    ],
    [
      'a head that does not exist',
      { component: 'head_attention_value_output', layer: 1, position: 0, heads: [0, 9] },
      "'site.heads': there is no head 9;",
    ],
    [
      'heads at joined positions',
      { component: 'head_attention_value_output', layer: 1, position: [[0, 1]], heads: [0, 1] },
      "'site.position' joins 2 positions, and 'site.heads' names heads",
    ],
    [
      'joined positions beyond a prompt',
      { component: 'block_output', layer: 1, position: [[0, 7]] },
      "'data.0.base' has no position 7",
    ],
  ])('%s', (_, site, sentence) => {
    expect(() => resolve({ site })).toThrow(sentence);
    expect(() => resolve({ site })).toThrow(ExperimentError);
  });

  test('a label that makes a prompt too long', () => {
    const long = [{ ...data[0], base: new Array(23).fill(1), label: [1, 2, 3] }];
    expect(() => resolve({ data: long, testData: data.slice(0, 1) })).toThrow('The prompt has 25 tokens');
  });
});

describe('labels of several tokens', () => {
  test('are taken whole, and a notice says what that means', () => {
    const tokenizer = {
      vocabularySize: 31,
      encode: (text: string) => [...text].map((c) => c.charCodeAt(0) % 31),
      places: () => [],
      decode: (ids: readonly number[]) => ids.join(' '),
      tokenText: (id: number) => `<${id}>`,
      isSpecial: () => false,
    };
    const named = data.map((example, at) => ({ ...example, label: at === 4 ? 'ab' : 'a' }));
    const found = resolveAlign(architecture, tokenizer, readAlignExperiment({ ...plain, data: named }));
    const labels = [...found.train, ...found.test].map(({ label }) => label.ids.join(' '));
    expect(labels.toSorted()).toEqual(['4', '4', '4', '4', '4', '4', '4', '4', '4', '4 5']);
    expect(found.notices.find(({ code }) => code === 'labels-of-several-tokens')?.text).toBe(
      `The label 'data.4.label', "<4><5>", has 2 tokens: the loss is over all of them, and an example counts as right only where every one is. Most tokenizers put the space before a word into its token; begin the label with one if it is a word of its own.`,
    );
  });
});
