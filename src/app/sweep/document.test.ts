import { expect, test } from 'vitest';
import { patchKind } from '../../experiments/patch/kind.ts';
import {
  changedPair,
  documentOf,
  type SweepDocument,
  settledIn,
  shownAt,
  typed,
  withAblation,
  withPairs,
} from './document.ts';
import {
  headNamesIn,
  headsNotation,
  isByLine,
  partsNotation,
  positionsNotation,
  promptsNotation,
  secondsNotation,
} from './notations.ts';
import { presetOfSweeps, presetReceivers, presetSweeps } from './ownPresets.ts';
import { problemsOf } from './problems.ts';

const file = patchKind.read({
  kind: 'patch',
  version: 1,
  model: 'tiny',
  pairs: [
    { clean: 'a b', corrupted: 'a c', answer: ' d' },
    { clean: 'e f', corrupted: 'e g', answer: ' h' },
  ],
});
const document = documentOf(file);
const read = (value: unknown) => patchKind.read(value);
const withWindow = (before: SweepDocument<typeof file>, text: string) =>
  typed(before, read, { field: 'sweeps.1.window', text }, (own) => ({
    ...own,
    sweeps: own.sweeps.map((sweep, at) => (at === 1 ? { ...sweep, window: Number(text) } : sweep)),
  }));

test('what is typed becomes the experiment, with all that the file held beside it', () => {
  const next = withWindow(document, '3');
  expect(next.experiment).toEqual({
    ...file,
    sweeps: file.sweeps.map((sweep, at) => (at === 1 ? { ...sweep, window: 3 } : sweep)),
  });
  expect(problemsOf(next).size).toBe(0);
});

test('what cannot be stays in its field with the reason, the experiment as it was, until it is put right', () => {
  const wrong = withWindow(document, '0');
  expect(wrong.experiment).toBe(file);
  expect(wrong.unfinished['sweeps.1.window']?.text).toBe('0');
  expect(problemsOf(wrong).get('sweeps.1.window')).toContain('A window must be at least 1 layer wide');
  expect(problemsOf(withWindow(wrong, '2')).size).toBe(0);
  // A sweep that goes takes with it what is unfinished in it.
  expect(problemsOf(settledIn(wrong, 'sweeps.')).size).toBe(0);
  const freed = typed(wrong, read, { field: 'x', text: '', frees: 'sweeps.1.window' }, (own) => own);
  expect(problemsOf(freed).size).toBe(0);
});

test('a prompt that is missing is asked for at its field, of the pair that misses it', () => {
  const more = withPairs(document, [...file.pairs, { clean: '' }], 2);
  expect([...problemsOf(more)]).toEqual([
    ['pairs.2.clean', 'Type the clean prompt of pair 3.'],
    ['pairs.2.corrupted', 'Type the corrupted prompt of pair 3: as many tokens, and another answer.'],
  ]);
  expect(shownAt(withPairs(more, file.pairs, 2))).toBe(1);
});

test('a pair changes alone, and what is left out of it is not written', () => {
  const { pairs } = changedPair(file, 1, { clean: 'i', answer: undefined, distractor: 7 });
  expect(pairs).toEqual([file.pairs[0], { clean: 'i', corrupted: 'e g', distractor: 7 }]);
});

test('a pair that differs in its picture keeps all that its file says, and an ablation takes the second one away whole', () => {
  const image = { name: 'a.png', data: 'AAAA' };
  const corruptedImage = { name: 'b.png', data: 'BBBB' };
  const exchanged = { patches: [0, 0, 1, 2] };
  const pictured = patchKind.read({ ...file, pairs: [{ clean: 'a', image, corruptedImage, exchanged }] });
  expect(changedPair(pictured, 0, { clean: 'b' }).pairs).toEqual([{ ...pictured.pairs[0], clean: 'b' }]);
  expect(problemsOf(documentOf(pictured), { kind: 'image' }).size).toBe(0);
  const zero = withAblation(documentOf(pictured), 'zero');
  expect(zero.experiment.pairs).toEqual([{ clean: 'a', image }]);
  expect(read(zero.experiment)).toEqual(zero.experiment);
  expect(withAblation(zero, 'none').experiment).toEqual(pictured);
});

test('a picture or a sound that is missing is asked for at its field, and what a link does not hold again', () => {
  const of = (pair: object) => documentOf(patchKind.read({ ...file, pairs: [{ clean: '', ...pair }] }));
  const image = { name: 'a.png', data: 'AAAA' };
  expect([...problemsOf(of({}), { kind: 'image', isAlone: true }).keys()]).toEqual([
    'pairs.0.image',
    'pairs.0.corrupted',
  ]);
  expect([...problemsOf(of({ image }), { kind: 'image', isAlone: true })]).toEqual([
    ['pairs.0.corruptedImage', 'Choose the corrupted picture.'],
  ]);
  expect(
    problemsOf(of({ image, corruptedImage: { name: 'b.png' } }), null).get('pairs.0.corruptedImage'),
  ).toBe('The sweep was made with “b.png”, which a link does not hold. Choose it again.');
});

test('an ablation takes the second prompts away, and gives them back when it goes', () => {
  const noising = { ...document, experiment: { ...file, direction: 'restore' as const } };
  const mean = withAblation(noising, 'mean');
  expect(mean.experiment).toMatchObject({
    pairs: [
      { clean: 'a b', answer: ' d' },
      { clean: 'e f', answer: ' h' },
    ],
    ablation: { kind: 'mean', prompts: ['a b', 'a c', 'e f', 'e g'] },
  });
  // The kind takes it: no direction that an ablation cannot have, no second prompt.
  expect(read(mean.experiment)).toEqual(mean.experiment);
  expect(problemsOf(mean).size).toBe(0);
  const drawn = withAblation(mean, 'resample');
  expect(drawn.experiment.ablation).toEqual({
    kind: 'resample',
    prompts: ['a b', 'a c', 'e f', 'e g'],
    seed: 1,
    samples: 1,
  });
  const zero = withAblation(drawn, 'zero');
  const fewer = withPairs(zero, zero.experiment.pairs.slice(1), 0);
  expect(withAblation(fewer, 'none').experiment.pairs).toEqual([file.pairs[1]]);
  expect(withAblation(drawn, 'none').experiment).toEqual(file);
});

test('heads, positions and prompts are read as people write them, and written as they are read', () => {
  expect(headsNotation.read('0, 3-5')).toEqual([0, 3, 4, 5]);
  expect([headsNotation.read(''), headsNotation.read('all')]).toEqual([undefined, undefined]);
  expect(positionsNotation.read(' last ')).toBe('last');
  expect(positionsNotation.write([7, 5, 6])).toBe('5-7');
  expect(() => positionsNotation.read('first')).toThrow('Positions are written as numbers and ranges');
  expect(headNamesIn('9.6, 9.9')).toEqual([
    [9, 6],
    [9, 9],
  ]);
  expect(() => headNamesIn('7')).toThrow('A head is written layer.head, such as 7.0');
  expect([secondsNotation.read('0.5-1.2'), secondsNotation.read('all')]).toEqual([[0.5, 1.2], undefined]);
  expect(secondsNotation.write([0.5, 1.2])).toBe('0.5-1.2');
  expect(() => secondsNotation.read('1.2')).toThrow('A stretch is written by its first and last second');
  expect([partsNotation.read('4'), partsNotation.read(' ')]).toEqual([4, undefined]);
  expect(promptsNotation.read('a\n\nb ')).toEqual(['a', 'b ']);
  expect([isByLine(['a', 'b']), isByLine(['a\nb']), isByLine([[1, 2]])]).toEqual([true, false, false]);
});

test('a preset of a state-space model names what it has in the place of attention and MLP', () => {
  const mamba = ['block_output', 'mixer_output', 'ssm_output'].map((name) => ({ name }));
  const sweeps = presetSweeps('streams', mamba);
  expect(sweeps.map(({ component }) => component)).toEqual(['block_output', 'ssm_output', 'mixer_output']);
  expect(presetOfSweeps({ ...file, sweeps }, mamba)).toBe('streams');
  // As a file of another model names it, it is still to be chosen.
  expect(presetOfSweeps(file, mamba)).toBeNull();
});

test('a preset is known again by its sweeps', () => {
  const transformer = ['block_output', 'attention_output', 'mlp_output'].map((name) => ({ name }));
  expect(presetOfSweeps({ ...file, sweeps: presetSweeps('heads', transformer) }, transformer)).toBe('heads');
  expect(presetOfSweeps(file, transformer)).toBe('streams');
  expect(presetOfSweeps({ ...file, sweeps: file.sweeps.slice(1) }, transformer)).toBeNull();
  expect(presetReceivers('queryPaths', 8)).toEqual([
    { component: 'head_query_output', heads: [[7, 0]] },
    { component: 'head_key_output', heads: [[7, 0]] },
    { component: 'head_value_output', heads: [[7, 0]] },
  ]);
});
