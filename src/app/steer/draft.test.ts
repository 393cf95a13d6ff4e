import { expect, test } from 'vitest';
import { readSteerExperiment } from '../../experiments/steer/experiment.ts';
import { experimentKey } from '../experiment/key.ts';
import { atSite, changedEdit, withVector } from './changes.ts';
import { withCell } from './chosenCells.ts';
import { blankOrigin, blankSteering, type SteerDocument } from './document.ts';
import { deriveSteer, experimentIn } from './draft.ts';
import { documentOf } from './opened.ts';

const files = import.meta.glob<unknown>(
  ['../../../examples/steer/*.json', '../../../examples/steer/pairs/*.json'],
  { eager: true, import: 'default' },
);

const everything = {
  kind: 'steer',
  version: 1,
  title: 'All that a file can say',
  model: 'tiny',
  vectors: [
    {
      name: 'pairs',
      layers: [0, 1, 3],
      from: { method: 'probe', positive: ['a', 'b'], negative: ['c'], token: 'mean' },
      normalize: true,
    },
    {
      name: 'chats',
      component: 'head_attention_value_output',
      heads: [1],
      from: {
        method: 'difference',
        positive: [{ messages: [{ role: 'user', content: 'Hi' }], reply: 'Yes' }],
        negative: [{ messages: [{ role: 'user', content: 'Hi' }], reply: 'No' }],
        token: -2,
      },
    },
    { name: 'file', layers: [2], from: { numbers: [[1, -0.5, 2e-7]] } },
    { name: 'random', from: { random: 7 } },
  ],
  edits: [
    {
      vector: 'pairs',
      layers: [1],
      strength: -0.25,
      unit: 'relative',
      steps: { from: 1, count: 4, every: 2 },
    },
    { name: 'best', vector: 'chats', top: { sites: 3, by: 'probe' }, unit: 'sigma', strength: 15 },
    { name: 'off', vector: 'file', on: false, map: { kind: 'cap', at: 2 }, prompt: [0, -1], keepNorm: true },
    {
      name: 'set',
      vector: 'random',
      map: { kind: 'set', to: 0.5 },
      prompt: 'all',
      steps: 'none',
      specialTokens: true,
    },
    { name: 'gone', vector: 'random', map: { kind: 'ablate', keep: 0.5 }, whileBelow: 1.5 },
    { name: 'means', vector: 'pairs', map: { kind: 'between' }, heads: [0] },
  ],
  prompts: [
    'One',
    { text: 'Two', words: { towards: [' x', 'y', 7], away: [] } },
    {
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content: 'u' },
      ],
      reply: 'r',
    },
  ],
  generation: {
    maxNewTokens: 5,
    temperature: 0.7,
    topK: 40,
    topP: 0.9,
    minP: 0.1,
    typicalP: 0.8,
    repetitionPenalty: 1.1,
    seed: 3,
    samples: 2,
    stop: ['\n', 'a\\n', 'end'],
    eos: [1],
  },
  columns: ['unsteered', 'steered', 'negative', 'random', 'asked'],
  asked: 'Say yes. ',
  words: { towards: [' yes'], away: [' no'] },
  directions: 2,
  candidates: 4,
  sweep: {
    edit: 'pairs',
    layers: [0, 1],
    strengths: [-1, 0.5],
    seeds: [1, 2],
    random: 3,
    limits: { divergence: 2 },
  },
};

test.each([...Object.entries(files), ['a file that says all it can', everything] as const])(
  '%s is the same experiment after it was opened',
  (_, file) => {
    const experiment = readSteerExperiment(file);
    const again = experimentIn(documentOf(experiment), experiment.model);
    // A text in the form of an object says the same as a text alone.
    const plain = JSON.parse(experimentKey(experiment));
    plain.prompts = plain.prompts.map((prompt: { text?: string; words?: unknown }) =>
      prompt.text !== undefined && prompt.words === undefined ? prompt.text : prompt,
    );
    expect(JSON.parse(experimentKey(again))).toEqual(plain);
  },
);

test('token ids are refused with the way on', () => {
  const experiment = readSteerExperiment({ ...everything, prompts: [[1, 2]] });
  expect(() => documentOf(experiment)).toThrow('Run it from the command line');
});

const surroundings = {
  model: { label: 'tiny', layerCount: 4, maxPositions: 8 },
  tokens: [[{ id: 1, text: 'x', isSpecial: false }]],
};
const good: SteerDocument = {
  ...withVector(
    blankSteering,
    {
      name: 'v',
      component: 'block_output',
      layers: '',
      heads: '',
      normalize: false,
      origin: {
        kind: 'texts',
        method: 'difference',
        rows: [{ positive: 'a', negative: 'b' }],
        token: '-1',
      },
    },
    2,
  ),
  prompts: [{ passage: 'x', words: null }],
};
const problemsOf = (document: SteerDocument) => [...deriveSteer(document, surroundings).problems];

test('a vector, an edit and a prompt are an experiment', () => {
  const { experiment, problems } = deriveSteer(good, surroundings);
  expect([...problems]).toEqual([]);
  expect(experiment?.edits).toMatchObject([{ vector: 'v', layers: [2], strength: 0.5, unit: 'relative' }]);
});

const withOrigin = (
  rows: readonly { positive: string; negative: string }[],
  method = 'difference' as const,
) => ({
  ...good,
  vectors: good.vectors.map((vector) => ({
    ...vector,
    origin: { kind: 'texts' as const, method, rows, token: '-1' },
  })),
});
const edited = (change: Parameters<typeof changedEdit>[2]) => changedEdit(good, 1, change);
const generated = (change: Partial<SteerDocument['generation']>): SteerDocument => ({
  ...good,
  generation: { ...good.generation, ...change },
});

test.each<readonly [string, SteerDocument, string]>([
  ['nothing', blankSteering, 'Make a vector first'],
  ['texts of one kind', withOrigin([{ positive: 'a', negative: '' }]), 'All texts are of one kind'],
  ['half a number', edited({ strength: '1e' }), 'The strength must be a number'],
  ['layers in words', edited({ layers: 'all' }), 'whole numbers and ranges'],
  ['an empty stop string', generated({ stop: 'a\n' }), 'A stop string is empty'],
  ['too many new tokens', generated({ maxNewTokens: '10001' }), 'from 1 to 10,000'],
  ['a filter without a temperature', generated({ topK: '4' }), 'Without a temperature'],
  ['a column that asks nothing', { ...good, columns: ['asked'] }, 'Write what asks for the same'],
  ['no prompt', { ...good, prompts: [] }, 'Type a prompt'],
  ['a sweep of nothing', { ...good, sweep: { ...good.sweep, isOn: true } }, 'Write the layers of the sweep'],
  ['an edit that is off', edited({ on: false }), 'No edit is on'],
])('%s is a sentence at its field, and nothing is run', (_, document, sentence) => {
  expect(deriveSteer(document, surroundings).experiment).toBeNull();
  expect(problemsOf(document).map(([, problem]) => problem)).toContainEqual(
    expect.stringContaining(sentence),
  );
});

test('a strength that a map does not use is neither asked for nor refused', () => {
  const capped = edited({ map: 'cap', amount: '1', strength: '' });
  const { experiment, problems } = deriveSteer(
    { ...capped, columns: ['unsteered', 'steered'] },
    surroundings,
  );
  expect([...problems]).toEqual([]);
  expect(experiment?.edits[0]).toMatchObject({ map: { kind: 'cap', at: 1 }, strength: 1 });
});

test('strengths that can be read in two ways are a sentence', () => {
  const swept = (strengths: string): SteerDocument => ({
    ...good,
    sweep: { ...good.sweep, isOn: true, layers: '0', strengths },
  });
  expect(problemsOf(swept('0,5'))).toEqual([
    ['sweep strengths', '“0,5” is one number or two. Write 0.5, or a space after the comma.'],
  ]);
  expect(deriveSteer(swept('0,5; 1'), surroundings).experiment?.sweep?.strengths).toEqual([0.5, 1]);
});

test('a prompt that fills the context is refused before it is run', () => {
  const token = { id: 1, text: 'x', isSpecial: false };
  const { problems } = deriveSteer(good, {
    ...surroundings,
    tokens: [Array.from({ length: 8 }, () => token)],
  });
  expect(problems.get('prompt 0')).toContain('there is no room for a text');
});

test('a vector that is begun says what is missing at its texts', () => {
  const begun = withVector(
    blankSteering,
    { name: 'v', component: 'block_output', layers: '', heads: '', normalize: false, origin: blankOrigin },
    1,
  );
  expect(problemsOf(begun).map(([field]) => field)).toContain('vector 1 texts');
});

test('a cell of a sweep is taken over with its unit, by the edit that was swept', () => {
  const experiment = readSteerExperiment({
    ...everything,
    sweep: { ...everything.sweep, layers: [0, 3], strengths: [-1, 0.5] },
  });
  const document = documentOf(experiment);
  const raw = changedEdit(document, 1, { unit: 'raw', strength: '9' });
  const own = withCell(raw, { experiment }, { layer: 1, strength: 0 }).edits[0];
  expect(own).toMatchObject({ layers: '3', strength: '-1', unit: 'relative' });
  expect(withCell(good, { experiment }, { layer: 1, strength: 0 })).toBe(good);
});

test('a site of a map puts its vector there, and nothing where the vector is no more', () => {
  expect(atSite(good, 'v', { layer: 3, head: null }).edits).toMatchObject([{ vector: 'v', layers: '3' }]);
  expect(atSite(good, 'gone', { layer: 3, head: null })).toBe(good);
});
