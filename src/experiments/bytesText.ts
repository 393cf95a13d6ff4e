// Bytes as text in a file, in base64.

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
