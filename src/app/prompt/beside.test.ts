import { expect, test } from 'vitest';
import type { GivenPrompt } from '../../experiments/givenPrompt.ts';
import {
  besideOf,
  changedBeside,
  givenWith,
  hasIds,
  type KnownReads,
  namedPrompt,
  promptProblems,
  promptWords,
  readsIn,
} from './beside.ts';

const image = { name: 'cat.png', sha256: 'a'.repeat(64), data: 'AAAA' };
const ofLink = { name: 'cat.png', sha256: 'a'.repeat(64) };
const sound = { name: 'tone.wav', data: 'BBBB' };
const named = { name: 'Example 2', made: 'The finetuning' };

const models = {
  text: null,
  t5: { kind: 'text' },
  vit: { kind: 'image', isAlone: true },
  blip: { kind: 'image' },
  asked: { kind: 'image', isAsked: true },
  whisper: { kind: 'sound' },
  unknown: undefined,
} as const satisfies Readonly<Record<string, KnownReads>>;

test.each([
  ['text', 'a', {}, []],
  ['text', '', {}, ['prompt: Example 2 has no prompt. Write it.']],
  ['text', 'a', { image }, ['image: Example 2 has a picture, and this model reads none. Take it away.']],
  [
    'text',
    'a',
    { target: 'b' },
    ['target: Example 2 has a target, and what this model goes on from is its prompt. Leave it empty.'],
  ],
  ['t5', 'a', { target: 'b' }, []],
  ['t5', '', { target: 'b' }, ['prompt: Example 2 has no source. Write it.']],
  ['vit', '', { image }, []],
  ['vit', '', {}, ['image: Example 2 has no picture. Choose one, or drop it on the row.']],
  [
    'vit',
    'a',
    { image },
    ['prompt: Example 2 has a text, and this model reads a picture alone. Leave it empty.'],
  ],
  [
    'vit',
    '',
    { image: ofLink },
    ['image: The finetuning was made with “cat.png”, which a link does not hold. Choose it again.'],
  ],
  ['blip', '', { image }, []],
  [
    'blip',
    'a',
    { sound },
    [
      'image: Example 2 has no picture. Choose one, or drop it on the row.',
      'sound: Example 2 has a sound, and this model reads none. Take it away.',
    ],
  ],
  ['asked', '', { image, target: 'b' }, ['prompt: Example 2 has no question. Write it.']],
  ['whisper', '', { sound }, []],
  // Before there is a model a document's own word is taken.
  ['unknown', '', { image, target: 'b' }, []],
  ['unknown', '', { image: ofLink }, []],
  ['unknown', '', {}, ['prompt: Example 2 has no prompt. Write it.']],
] as const)('of a model that reads %s, “%s” with %j lacks %j', (model, prompt, beside, problems) => {
  const found = promptProblems(prompt, beside, models[model], named);
  expect([...found].map(([part, problem]) => `${part}: ${problem}`)).toEqual(problems);
});

test.each([
  ['text', '', {}, ['There is no prompt. Write one.']],
  ['t5', '', {}, ['There is no source. Write one.']],
  ['asked', '', { image }, ['There is no question. Write one.']],
  ['vit', '', {}, ['There is no picture. Choose one, or drop it on its field.']],
  ['whisper', '', {}, ['There is no sound. Choose one, or drop it on its field.']],
] as const)(
  'what stands alone has no row: of a model that reads %s, “%s” with %j',
  (model, prompt, beside, said) => {
    const problems = promptProblems(prompt, beside, models[model], { ...named, isSingle: true });
    expect([...problems.values()]).toEqual(said);
  },
);

test('a prompt of a document and of an experiment are one, and what is empty is left out', () => {
  const beside = changedBeside({ target: 'b', image }, { target: '', sound });
  expect(beside).toEqual({ image, sound });
  expect(givenWith('a', beside)).toEqual({ prompt: 'a', image, sound });
  expect(besideOf(givenWith('a', beside))).toEqual(beside);
  expect(givenWith('a', {})).toBe('a');
  expect(changedBeside(beside, { image: undefined, sound: undefined })).toEqual({});
});

test('token ids have no place on a page, in the prompt or in the target', () => {
  expect([
    hasIds('a'),
    hasIds([1]),
    hasIds({ prompt: 'a', target: [1] }),
    hasIds({ prompt: '', image }),
  ]).toEqual([false, true, true, false]);
});

test('a prompt is told from others by its files’ names and bytes, whatever hash they state, and is called by their names', () => {
  const key = (given: GivenPrompt) => JSON.stringify(namedPrompt(given));
  const large = { ...image, data: 'A'.repeat(4000) };
  expect(key({ prompt: '', image: large }).length).toBeLessThan(100);
  expect(key({ prompt: '', image: { ...large } })).toBe(key({ prompt: '', image: large }));
  const others = [image, large, { ...image, name: 'b.png' }, ofLink].map((each) =>
    key({ prompt: '', image: each }),
  );
  expect(new Set(others).size).toBe(others.length);
  expect(namedPrompt({ prompt: '', image: ofLink })).toEqual({ prompt: '', image: ofLink });
  expect(['a', { prompt: '', image }, { prompt: 'what is it?', image }].map(promptWords)).toEqual([
    'a',
    'cat.png',
    'cat.png: what is it?',
  ]);
});

test('what a model reads is unknown of a stand-in, and nothing of a model that reads one text', () => {
  expect([readsIn(null), readsIn({ label: 'a' }), readsIn({ components: [] })]).toEqual([
    undefined,
    undefined,
    null,
  ]);
  expect(readsIn({ components: [], reads: models.t5 })).toBe(models.t5);
});
