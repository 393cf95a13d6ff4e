// Which of the results that a browser keeps make room.

import { expect, test } from 'vitest';
import { toForget } from './keptResults.ts';

const entry = (key: string, keptAt: number, sizeBytes = 1e6) => ({ key, keptAt, sizeBytes });

test('the newest dozen within 48 MB is kept', () => {
  const many = Array.from({ length: 14 }, (_, at) => entry(`${at}`, at));
  expect(toForget(many)).toEqual(['1', '0']);
  expect(toForget([entry('old', 1, 20e6), entry('older', 0, 20e6), entry('new', 2, 20e6)])).toEqual([
    'older',
  ]);
});

test('a result whose key has the bytes of a picture in it can be found by none, and goes', () => {
  const long = `{"data":"${'A'.repeat(200_000)}"}`;
  expect(toForget([entry('short', 0), entry(long, 1)])).toEqual([long]);
});
