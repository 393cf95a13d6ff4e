import { expect, test } from 'vitest';
import { actingRows, fedBack, spokenRow } from './actingChips.ts';
import { blankEdit, type EditField } from './document.ts';
import { pointedToken, sentencesSince, spreadAt, surpriseOf } from './shownTexts.ts';
import { hasUnit, inUnit, inUnits } from './units.ts';

test('a screen reader is told whole sentences, and the rest when the text is over', () => {
  const text = 'It is in Rome. It was bui';
  expect(sentencesSince(text, 0, false)).toEqual({ said: 'It is in Rome.', upTo: 14 });
  expect(sentencesSince(text, 14, false)).toEqual({ said: '', upTo: 14 });
  expect(sentencesSince(`${text}lt.`, 14, true)).toEqual({ said: 'It was built.', upTo: 28 });
  expect(sentencesSince('3.5 metres', 0, false).said).toBe('');
});

test('a token is the more tinted the less probable it was, up to one in three thousand', () => {
  expect(surpriseOf(0)).toBe(0);
  expect(surpriseOf(-4)).toBe(0.5);
  expect(surpriseOf(-100)).toBe(1);
  expect(surpriseOf(null)).toBe(0);
});

const tokens = [true, false, false, false].map((isSpecial) => ({ isSpecial }));
const edit = (others: Partial<EditField>): EditField => ({ ...blankEdit, id: 1, vector: 'v', ...others });

test('an edit acts by default where each new token is made, the first included', () => {
  const [row] = actingRows([edit({})], tokens, 3);
  expect(row).toMatchObject({ prompt: [false, false, false, true], steps: [true, true, true] });
  expect(row && spokenRow(row)).toBe(
    'v acts at position 3 of the prompt and where new tokens 1 to 3 are made.',
  );
});

test('steps and positions show where they act, special tokens only when they are asked for', () => {
  const range = { steps: 'range', firstStep: '1', stepCount: '4', everyStep: '2' } as const;
  expect(actingRows([edit(range)], tokens, 6)[0]?.steps).toEqual([false, true, false, true, false, false]);
  expect(actingRows([edit({ prompt: 'all' })], tokens, 2)[0]).toMatchObject({
    prompt: [false, true, true, true],
    steps: [true, false],
  });
  expect(actingRows([edit({ prompt: 'all', specialTokens: true })], tokens, 0)[0]?.prompt[0]).toBe(true);
  expect(actingRows([edit({ on: false })], tokens, 2)).toEqual([]);
  expect(() => actingRows([edit({ prompt: 'positions', positions: '9' })], tokens, 2)).toThrow(
    'The prompt has no position 9',
  );
});

test('a strength in one unit is the same length in the others', () => {
  const site = { norm: 2, medianNorm: 10, spread: 0.5 };
  expect(inUnits(0.5, 'relative', site)).toEqual({ raw: 2.5, relative: 0.5, sigma: 10 });
  expect(inUnits(10, 'sigma', site)).toEqual({ raw: 2.5, relative: 0.5, sigma: 10 });
  expect(inUnits(1, 'raw', { norm: 2, medianNorm: null, spread: null })).toEqual({
    raw: 1,
    relative: null,
    sigma: null,
  });
});

test('the strip marks a new token where its own state is edited, of which the last one that is asked for has none', () => {
  const [row] = actingRows([edit({})], tokens, 3);
  expect(row && fedBack(row, 3)).toEqual([true, true, false]);
  // Of more that are asked for than are shown, the last that is shown is fed back.
  const [longer] = actingRows([edit({})], tokens, 20);
  expect(longer && fedBack(longer, 3)).toEqual([true, true, true]);
  expect(longer && spokenRow(longer)).toContain('new tokens 1 to 20 are made');
});

test('a token that is pointed at stays, until its text has it no more', () => {
  const text = (column: 'unsteered' | 'steered', count: number, parts: number | null) => ({
    column,
    tokens: Array.from({ length: count }, (_, at) => at),
    parts,
  });
  const texts = [text('unsteered', 4, null), text('steered', 3, 1)];
  expect(pointedToken(texts, { column: 0, step: 3 })).toEqual({ column: 0, step: 3 });
  expect(pointedToken(texts, { column: 1, step: 3 })).toEqual({ column: 1, step: 1 });
  expect(pointedToken(texts, { column: 2, step: 0 })).toEqual({ column: 1, step: 1 });
  expect(pointedToken([text('unsteered', 2, null), text('steered', 0, null)], null)).toEqual({
    column: 0,
    step: 0,
  });
  expect(pointedToken([text('steered', 0, null)], null)).toBeNull();
});

test('a projection is said in the spread of the head whose it is', () => {
  const site = (layer: number, head: number, spread: number) => ({ layer, head, spread });
  const vector = { name: 'v', sites: [site(1, 0, 2), site(1, 1, 5), site(2, 0, 7)] };
  const vectors = [vector];
  expect(spreadAt(vectors, 'v', { layer: 1, head: 1 })).toBe(5);
  expect(spreadAt(vectors, 'v', { layer: 1, head: 3 })).toBeNull();
  expect(spreadAt(vectors, 'w', { layer: 1, head: 1 })).toBeNull();
});

test('an edit in another unit does the same, its bound and its place on the vector included', () => {
  const site = { norm: 2, medianNorm: 10, spread: 0.5 };
  const raw = edit({ unit: 'raw', strength: '2.5', whileBelow: '5', amount: '20', map: 'set' });
  // A factor on a vector of length 2; projections, which are lengths themselves.
  expect(inUnit(raw, 'relative', site)).toEqual({
    unit: 'relative',
    strength: '0.5',
    whileBelow: '0.5',
    amount: '2',
  });
  expect(inUnit({ ...raw, map: 'ablate', amount: '0.25' }, 'sigma', site)).toEqual({
    unit: 'sigma',
    strength: '10',
    whileBelow: '10',
    amount: '0.25',
  });
  expect(inUnit({ ...raw, whileBelow: 'x' }, 'sigma', null)).toEqual({
    unit: 'sigma',
    strength: '2.5',
    whileBelow: 'x',
    amount: '20',
  });
});

test('a unit is asked for where a number is in it', () => {
  for (const map of ['add', 'between', 'set', 'cap'] as const)
    expect(hasUnit({ map, whileBelow: '' })).toBe(true);
  expect(hasUnit({ map: 'ablate', whileBelow: '' })).toBe(false);
  expect(hasUnit({ map: 'ablate', whileBelow: '1' })).toBe(true);
});
