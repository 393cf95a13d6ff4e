import { expect, test } from 'vitest';
import { architectureOf } from '../../architectures/registry.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { readSteerExperiment } from './experiment.ts';
import { resolveSteer } from './resolve.ts';

/** Three layers, width 16, 29 tokens. */
const architecture = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));

const of = (method: string, positive: unknown, negative: unknown, more: object = {}) => ({
  name: 'v',
  from: { method, positive, negative },
  ...more,
});
const vector = of(
  'difference',
  [
    [1, 2],
    [3, 4],
  ],
  [
    [5, 6],
    [7, 8],
  ],
);
const edit = { vector: 'v', layers: [1] };
const whole = {
  kind: 'steer',
  version: 1,
  model: 'tiny',
  vectors: [vector],
  edits: [edit],
  prompts: [[1, 2, 3]],
};

const resolved = async (changed: object) =>
  resolveSteer(architecture, undefined, readSteerExperiment({ ...whole, ...changed }));

test('what is right is taken', async () => {
  const { notices, prompts } = await resolved({});
  expect(prompts[0]?.tokens).toEqual([1, 2, 3]);
  expect(notices.map(({ code }) => code)).toEqual(['few-texts']);
});

test.each<[string, object, string]>([
  ['texts of one class', { vectors: [of('difference', [[1]], [])] }, 'negative'],
  [
    'a vector that is not there',
    { edits: [{ vector: 'w' }] },
    "names the vector 'w', which is not there. There are: 'v'.",
  ],
  ['two vectors of one name', { vectors: [vector, vector] }, "Two vectors have the name 'v'"],
  ['two edits of one name', { edits: [edit, edit] }, "Two edits have the name 'v'"],
  ['columns without an edit', { edits: [{ ...edit, on: false }] }, "would repeat 'unsteered'"],
  ['asking without words', { columns: ['asked'] }, 'needs the words that ask'],
  [
    'the negative of a map that adds nothing',
    { edits: [{ ...edit, map: { kind: 'ablate' } }], columns: ['negative'] },
    "would repeat 'steered'",
  ],
  ['10,001 new tokens', { generation: { maxNewTokens: 10_001 } }, 'at most 10000 new tokens'],
  ['an empty stop string', { generation: { stop: [''] } }, 'must not be empty'],
  ['a strength that is no number', { edits: [{ ...edit, strength: 'much' }] }, 'edits.0.strength'],
  ['a sweep without prompts', { prompts: [], sweep: { layers: [0], strengths: [1] } }, 'at least one prompt'],
  [
    'a sweep of what has no strength',
    { edits: [{ ...edit, map: { kind: 'cap', at: 1 } }], sweep: { layers: [0], strengths: [1] } },
    'has no strength to sweep',
  ],
  ['a layer that is not there', { vectors: [{ ...vector, layers: [3] }] }, 'layers 0 to 2'],
  ['an edit where the vector has no layer', { vectors: [{ ...vector, layers: [0] }] }, 'It has layers 0.'],
  ['heads where there are none', { edits: [{ ...edit, heads: [0] }] }, 'has none. Leave "heads" out'],
  [
    'a component of pairs',
    { vectors: [{ ...vector, component: 'attention_weight' }] },
    'has a number for each pair of positions',
  ],
  [
    'a component after the layers',
    { vectors: [{ ...vector, component: 'logits' }] },
    'is after the last layer',
  ],
  [
    'a vector of another width',
    { vectors: [{ name: 'v', layers: [1], from: { numbers: [[1, 2, 3]] } }] },
    'has 3 numbers in list 1, and this model needs 16. It may belong to another model.',
  ],
  [
    'lists for other layers',
    { vectors: [{ name: 'v', from: { numbers: [Array.from({ length: 16 }, () => 1)] } }] },
    'has 1 list of numbers, and its layers (and heads) make 3 sites',
  ],
  [
    'pairs without partners',
    { vectors: [of('pca-centred', [[1], [2]], [[3]])] },
    'principal directions are of pairs',
  ],
  [
    'a token that a text does not have',
    {
      vectors: [of('difference', [[1, 2]], [[3]], {})].map((v) => ({ ...v, from: { ...v.from, token: -2 } })),
    },
    'negative text 1 has 1 tokens, and no token -2',
  ],
  [
    'an addition of texts of other lengths',
    { vectors: [of('activation-addition', [[1, 2]], [[3]])] },
    'have 2 and 1 tokens',
  ],
  [
    'an addition that is to be scaled',
    { vectors: [of('activation-addition', [[1]], [[2]])], edits: [{ ...edit, unit: 'sigma' }] },
    'is added with a raw strength to the first positions',
  ],
  [
    'an addition that is longer than the prompt',
    { vectors: [of('activation-addition', [[1, 2, 3, 4]], [[5, 6, 7, 8]])] },
    'prompt 1 has 3 tokens',
  ],
  [
    'between two means without means',
    { vectors: [{ name: 'v', from: { random: 1 } }], edits: [{ ...edit, map: { kind: 'between' } }] },
    'moves between two means',
  ],
  [
    'the best sites of a vector without texts',
    { vectors: [{ name: 'v', from: { random: 1 } }], edits: [{ ...edit, top: { sites: 1 } }] },
    'is not made of texts',
  ],
  [
    'spreads of one prompt',
    { vectors: [{ name: 'v', from: { random: 1 } }], edits: [{ ...edit, unit: 'sigma' }] },
    'one prompt has none',
  ],
  ['texts without a tokenizer', { prompts: ['The Louvre'] }, 'brings no tokenizer'],
  [
    'a chat without a template',
    { prompts: [{ messages: [{ role: 'user', content: 'Hi' }] }] },
    'no template',
  ],
  ['a token that is not there', { prompts: [[1, 99]] }, '99'],
  ['a filter without a temperature', { generation: { topK: 5 } }, 'temperature'],
])('%s: refused in a sentence', async (_, changed, words) => {
  await expect(resolved(changed)).rejects.toThrow(words);
});
