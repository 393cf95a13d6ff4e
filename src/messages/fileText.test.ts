import { expect, test } from 'vitest';
import { fileText } from './fileText.ts';

const text = '{"é": "🙂"}';
const twoBytes = (isLittle: boolean): Uint8Array => {
  const bytes = new Uint8Array(2 * text.length + 2);
  const view = new DataView(bytes.buffer);
  [0xfeff, ...[...Array(text.length).keys()].map((at) => text.charCodeAt(at))].forEach((unit, at) => {
    view.setUint16(2 * at, unit, isLittle);
  });
  return bytes;
};

test.each([
  ['UTF-8', new TextEncoder().encode(text)],
  ['UTF-8 with a mark', Uint8Array.from([0xef, 0xbb, 0xbf, ...new TextEncoder().encode(text)])],
  ['UTF-16, little endian', twoBytes(true)],
  ['UTF-16, big endian', twoBytes(false)],
] as const)('%s is read', (_, bytes) => {
  expect(fileText(bytes)).toBe(text);
});

test('bytes that are not text are refused', () => {
  expect(() => fileText(Uint8Array.of(0xc3, 0x28))).toThrow(TypeError);
});
