import { expect, test } from 'vitest';
import type { VectorField } from './document.ts';
import { countTexts, textsOf, textsWords } from './pairs.ts';
import { vectorProblems } from './problems.ts';

const row = (positive: string, negative: string) => ({ positive, negative });
const rows = [row('a', ''), row('b', 'B'), row('', ''), row('', 'C'), row('d', 'D')];

test('texts of whole pairs keep their places in both lists, whatever lines have one side', () => {
  const [positive, negative] = [textsOf(rows, 'positive'), textsOf(rows, 'negative')];
  expect(positive.slice(0, 2)).toEqual(['b', 'd']);
  expect(negative.slice(0, 2)).toEqual(['B', 'D']);
  expect(positive).toEqual(['b', 'd', 'a']);
  expect(negative).toEqual(['B', 'D', 'C']);
});

test('only whole pairs are counted as pairs', () => {
  expect(countTexts(rows)).toEqual({ pairs: 2, lone: { positive: 1, negative: 1 } });
  expect(textsWords(rows)).toBe('2 pairs and 2 texts alone');
  expect(textsWords([row('a', 'A'), row('', ' ')])).toBe('1 pair');
  expect(textsWords([row('a', '')])).toBe('1 text alone');
});

const problemsOf = (
  method: 'difference' | 'pca-centred' | 'pca-differences' | 'activation-addition',
  given: typeof rows,
) => {
  const vector: VectorField = {
    id: 1,
    name: 'v',
    component: 'block_output',
    layers: '',
    heads: '',
    normalize: false,
    origin: { kind: 'texts', method, rows: given, token: '-1' },
  };
  return vectorProblems(vector, false);
};

test.each(['pca-centred', 'pca-differences', 'activation-addition'] as const)(
  'a line with one side is a problem of %s, at that line',
  (method) => {
    const problems = problemsOf(method, rows);
    expect(problems.map(([field]) => field)).toEqual(['row 0', 'row 3']);
    expect(problems[0]?.[1]).toContain('Line 1 has no text away');
    expect(problems[1]?.[1]).toContain('Line 4 has no text towards');
  },
);

test('two lines with one side each are no pair', () => {
  const halves = [row('a', ''), row('', 'B')];
  expect(problemsOf('activation-addition', halves).map(([field]) => field)).toEqual(['row 0', 'row 1']);
  expect(problemsOf('difference', halves)).toEqual([]);
});

test('PCA needs pairs, and lines with one side are none of them', () => {
  expect(problemsOf('pca-differences', [row('b', 'B'), row('d', 'D'), row('', '')])).toEqual([
    ['texts', expect.stringContaining('at least 3 pairs')],
  ]);
});
