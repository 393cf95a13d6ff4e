// What tells files from others: their bytes, and never what is said of them.

import { expect, test } from 'vitest';
import { digestOf } from './bytesText.ts';
import { contentOfGiven, keyOfGiven } from './givenFile.ts';

const picture = { name: 'cat.png', sha256: 'a'.repeat(64), data: 'QUJD'.repeat(5000) };
const one = (at: number) => `${picture.data.slice(0, at)}x${picture.data.slice(at + 1)}`;

test('files have one content where their bytes are the same, whatever name and hash they state', () => {
  const copy = { name: 'copy.png', sha256: 'b'.repeat(64), data: ['QUJD', 'QUJD'.repeat(4999)].join('') };
  expect(contentOfGiven(copy)).toEqual(contentOfGiven(picture));
  expect(keyOfGiven(copy)).not.toEqual(keyOfGiven(picture));
  expect(keyOfGiven({ ...copy, name: picture.name })).toEqual(keyOfGiven(picture));
  // It does not name the order in which they were met, so that a page and its worker say the same.
  expect(keyOfGiven(structuredClone(picture))).toEqual(keyOfGiven(picture));
});

test('a character somewhere, or one more, makes it another file, and the key stays short', () => {
  const others = [...Array.from({ length: 50 }, (_, at) => one(at * 397)), `${picture.data}QUJD`];
  const keys = [picture.data, ...others].map((data) => JSON.stringify(contentOfGiven({ ...picture, data })));
  expect(new Set(keys).size).toBe(52);
  expect(Math.max(...keys.map((key) => key.length))).toBeLessThan(60);
});

test('files without bytes are told apart by what names them', () => {
  const [byName, byPath] = [{ name: 'cat.png', sha256: 'a'.repeat(64) }, { file: 'cat.png' }];
  expect(contentOfGiven(byName)).toEqual(byName);
  expect(keyOfGiven(byPath)).toEqual(byPath);
});

test('the digest is of the text, asked for once or again, and is no base64', () => {
  const digest = digestOf(picture.data);
  expect(digestOf(one(0))).not.toBe(digest);
  expect(digestOf(picture.data)).toBe(digest);
  expect(digest).toMatch(/^20000-[0-9a-f]{16}$/);
});
