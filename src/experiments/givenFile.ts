// Pictures and sounds of an experiment: in the file itself, so that it says the same everywhere, or by a path that the command
// line reads before anything runs. A link holds neither: it names the picture by its bytes, and whoever opens it gives it again.

import * as v from 'valibot';
import { quoted } from '../messages/wording.ts';
import { digestOf } from './bytesText.ts';
import { ExperimentError } from './experimentFile.ts';

/** A larger one is a matter of pixels that no model sees. */
export const mostGivenBytes = 4 * 2 ** 20;

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const fileName = v.pipe(v.string(), v.minLength(1), v.maxLength(300));

export const givenFileSchema = v.union([
  v.strictObject({
    name: fileName,
    sha256: v.optional(sha256),
    /** The bytes of the file, in base64. */
    data: v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(
        Math.ceil(mostGivenBytes / 3) * 4,
        `A picture or a sound in an experiment may have ${mostGivenBytes / 2 ** 20} MiB; make it smaller`,
      ),
      v.regex(/^[A-Za-z0-9+/]+={0,2}$/, 'The bytes of a picture or a sound must be in base64'),
    ),
  }),
  /** A path, from the folder of the experiment's file. */
  v.strictObject({ file: fileName }),
  /** Which one it was; it must be given again. */
  v.strictObject({ name: fileName, sha256: v.optional(sha256) }),
]);

export type GivenFile = Readonly<v.InferOutput<typeof givenFileSchema>>;

/** A file with its bytes, as an experiment holds it. @throws ExperimentError when it is too large */
export async function givenBytes(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<GivenFile> {
  if (bytes.length > mostGivenBytes)
    throw new ExperimentError(
      `${quoted(name)} has ${(bytes.length / 2 ** 20).toFixed(1)} MiB, and an experiment takes up to ${mostGivenBytes / 2 ** 20}. Make it smaller; the model sees little of it.`,
    );
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000)
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { name: name.slice(-300), sha256: hash, data: btoa(binary) };
}

/** What a person calls it. */
export const nameOf = (given: GivenFile): string => ('name' in given ? given.name : given.file);

/** The bytes of a file in base64, where it holds them. */
const dataOf = (given: GivenFile): string | undefined => ('data' in given ? given.data : undefined);

/** Whether two files are one: the bytes themselves are compared, where both hold them. */
export function isSameFile(one: GivenFile, other: GivenFile): boolean {
  if (one === other) return true;
  if ('file' in one || 'file' in other) return 'file' in one && 'file' in other && one.file === other.file;
  return one.name === other.name && one.sha256 === other.sha256 && dataOf(one) === dataOf(other);
}

/** What a link holds of a file: its name and its hash. */
export function withoutBytes(given: GivenFile): GivenFile {
  if ('file' in given) return given;
  return { name: given.name, ...(given.sha256 === undefined ? {} : { sha256: given.sha256 }) };
}

/**
 * What tells a file from others, briefly: its name and a digest of its bytes, in the page, in the worker and after a reload. The
 * hash that a file states is nowhere checked, so it tells apart only files without bytes.
 */
export const keyOfGiven = (given: GivenFile): GivenFile =>
  'data' in given ? { name: given.name, data: digestOf(given.data) } : given;

/** The same for files that are one where their bytes are, whatever they are called. */
export function contentOfGiven(given: GivenFile): GivenFile {
  const key = keyOfGiven(given);
  return 'data' in key ? { ...key, name: '' } : key;
}

/**
 * @param what `the picture`
 * @throws ExperimentError when the experiment names it and does not hold it
 */
export function bytesOfGiven(given: GivenFile, what: string): Uint8Array {
  if ('file' in given)
    throw new ExperimentError(
      `The experiment names ${what} ${quoted(given.file)} by its path, which cannot be read here. Run the file from the command line, or put the bytes into it ("name" and "data").`,
    );
  if (!('data' in given))
    throw new ExperimentError(
      `The experiment was made with ${what} ${quoted(given.name)}, and does not hold it. Give it again.`,
    );
  return Uint8Array.from(atob(given.data), (character) => character.charCodeAt(0));
}
