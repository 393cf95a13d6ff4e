// Bytes as text in a file, in base64.

import { hashOf } from '../random/hash.ts';
import { ExperimentError } from './experimentFile.ts';

/** Characters that `String.fromCharCode` takes at once. */
const atOnce = 8192;

export function textOfBytes(bytes: Uint8Array): string {
  let text = '';
  for (let from = 0; from < bytes.length; from += atOnce)
    text += String.fromCharCode(...bytes.subarray(from, from + atOnce));
  return btoa(text);
}

/** @throws ExperimentError when the text is no base64 */
export function bytesOfText(base64: string, what: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    throw new ExperimentError(`The bytes of ${what} are not base64, so the file is damaged.`);
  }
}

const digests = new WeakMap<object, { readonly text: string; readonly digest: string }>();

/**
 * What tells bytes from others, briefly, and is the same wherever they are: the length of their text and a hash of it. It is no
 * base64 itself.
 * @param holder what has the text in it, by which the digest is found again
 */
export function digestIn(holder: object, base64: string): string {
  const known = digests.get(holder);
  if (known?.text === base64) return known.digest;
  const digest = `${base64.length}-${hashOf(base64)}`;
  digests.set(holder, { text: base64, digest });
  return digest;
}
