import { expect, test } from 'vitest';
import { parseJson } from './byteSource.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('the infinity that Python writes into JSON is read as one, and only where a number stands', () => {
  expect(
    parseJson('config.json', bytes('{"limit": [0.0, Infinity], "least":-Infinity, "name": "Infinity"}')),
  ).toEqual({ limit: [0, Number.POSITIVE_INFINITY], least: Number.NEGATIVE_INFINITY, name: 'Infinity' });
  expect(() => parseJson("'config.json' in tiny", bytes('{"a": Infinit'))).toThrow(
    /^'config.json' in tiny is not valid JSON/,
  );
});
