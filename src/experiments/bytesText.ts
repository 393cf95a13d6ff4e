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

/** By their text, the latest used last: documents are made anew at every change, and their texts stay the same. */
const digests = new Map<string, string>();
/** So many characters of them. */
const mostKept = 64e6;
let kept = 0;

/**
 * What tells bytes from others, briefly, and is the same wherever they are: the length of their text and a hash of it. It is no
 * base64 itself. The digests of the latest 64 million characters are kept.
 */
export function digestOf(base64: string): string {
  const known = digests.get(base64);
  const digest = known ?? `${base64.length}-${hashOf(base64)}`;
  if (known === undefined) kept += base64.length;
  else digests.delete(base64);
  digests.set(base64, digest);
  for (const oldest of digests.keys()) {
    if (kept <= mostKept || oldest === base64) break;
    digests.delete(oldest);
    kept -= oldest.length;
  }
  return digest;
}
