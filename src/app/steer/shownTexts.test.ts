import { expect, test } from 'vitest';
import { actingRows, spokenRow } from './actingChips.ts';
import { blankEdit, type EditField } from './document.ts';
import { sentencesSince, surpriseOf } from './shownTexts.ts';
import { inUnits } from './units.ts';

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
