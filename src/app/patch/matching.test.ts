import { expect, test } from 'vitest';
import { correctedMatching, differingPositions, differingSources, matchPositions } from './matching.ts';

test('prompts of one length are matched place by place, exchanged tokens included', () => {
  expect(matchPositions([1, 2, 3, 2], [1, 3, 3, 2])).toEqual([0, 1, 2, 3]);
});

test('a token moved within prompts of one length still stands where it stands', () => {
  expect(matchPositions([5, 6, 7], [6, 7, 5])).toEqual([0, 1, 2]);
});

test('what prompts of different lengths share is matched in order', () => {
  expect(matchPositions([1, 2, 9, 4], [1, 2, 3, 9, 4])).toEqual([0, 1, 3, 4]);
});

test('the last token of a longer name stands for the last of a shorter one', () => {
  // [The] [Eiff] [el] [is]   and   [The] [Louvre] [is]
  expect(matchPositions([1, 20, 21, 3], [1, 30, 3])).toEqual([0, null, 1, 2]);
  expect(matchPositions([1, 30, 3], [1, 20, 21, 3])).toEqual([0, 2, 3]);
});

test('prompts that share nothing are matched from their ends, and an empty one with nothing', () => {
  expect(matchPositions([1, 2, 3], [7, 8])).toEqual([null, 0, 1]);
  expect(matchPositions([1, 2], [])).toEqual([null, null]);
  expect(matchPositions([], [1, 2])).toEqual([]);
});

test('a person’s correction wins, unless it points past the source', () => {
  expect(correctedMatching([0, 1, 2], { 1: 2, 2: null }, 3)).toEqual([0, 2, null]);
  expect(correctedMatching([0, 1, 2], { 1: 9 }, 3)).toEqual([0, 1, 2]);
});

test('what differs is named on both sides', () => {
  const [base, source] = [
    [1, 2, 9, 4],
    [1, 5, 3, 9, 4],
  ];
  const matching = matchPositions(base, source);
  expect(matching).toEqual([0, 2, 3, 4]);
  expect(differingPositions(base, source, matching)).toEqual([1]);
  expect(differingSources(base, source, matching)).toEqual([1, 2]);
});
