import { expect, test } from 'vitest';
import { readPairs } from './table.ts';

test('a table of comma-separated values is read with quoted fields, spaces kept', () => {
  const text =
    '\uFEFFClean,corrupted , answer,distractor,source\r\n"When Mary and John went, John gave to","When Mary and John went, Mary gave to", Mary, John,paper\r\n\r\n"He said ""yes"" and","He said ""no"" and",,\r\n';
  expect(readPairs(text)).toEqual([
    {
      clean: 'When Mary and John went, John gave to',
      corrupted: 'When Mary and John went, Mary gave to',
      answer: ' Mary',
      distractor: ' John',
    },
    { clean: 'He said "yes" and', corrupted: 'He said "no" and' },
  ]);
});

test('a table copied from a spreadsheet has tabs, and its columns any order', () => {
  expect(readPairs('corrupted\tclean\nThe capital, of Japan\tThe capital, of France')).toEqual([
    { clean: 'The capital, of France', corrupted: 'The capital, of Japan' },
  ]);
});

test('for an ablation the clean prompts are enough', () => {
  expect(readPairs('clean,answer\nThe sky is, blue', { needsCorrupted: false })).toEqual([
    { clean: 'The sky is', answer: ' blue' },
  ]);
  expect(readPairs('clean,corrupted\na b,c d', { needsCorrupted: false })).toEqual([{ clean: 'a b' }]);
});

test('what is wrong with a table is reported in a sentence', () => {
  const complaints: readonly (readonly [string, string])[] = [
    ['', 'The table is empty. Its first line names the columns: clean, corrupted, answer, distractor.'],
    [
      'clean,answer\na,b',
      "The table has no column 'corrupted'. Its first line must name the columns clean, corrupted, answer, distractor; it is 'clean', 'answer'.",
    ],
    [
      'When Mary,When John\na,b',
      "The table has no column 'clean'. Its first line must name the columns clean, corrupted, answer, distractor; it is 'When Mary', 'When John'.",
    ],
    ['clean,corrupted,clean\na,b,c', "The table has two columns 'clean'; leave one."],
    [
      'clean,corrupted,distracter\na,b,c',
      "The table has a column 'distracter'. Did you mean 'distractor'? Columns of other names are left alone.",
    ],
    ['clean,corrupted\n', 'The table has a head and no row under it. Add a pair.'],
    ['clean,corrupted\na b,c d\ne f', "Row 2 of the table has no 'corrupted'. Fill it in."],
    [
      'clean,corrupted\nWhen Mary, John,When John',
      'Row 1 of the table has 3 fields, its head 2. A text that holds the separator must stand in double quotes.',
    ],
  ];
  for (const [text, complaint] of complaints) expect(() => readPairs(text)).toThrow(complaint);
});
