// What all experiment files share: a kind, a version, and errors that a person can act on.

import * as v from 'valibot';
import { didYouMean } from '../messages/nearest.ts';
import { firstWrong } from '../messages/schemaIssue.ts';
import { quoted } from '../messages/wording.ts';

/** The experiment cannot be understood, or asks for what the model or the prompt does not have. */
export class ExperimentError extends Error {
  override readonly name = 'ExperimentError';
}

/** What was read is whole, as far as can be told, and of a later Patchbay: it is not to be destroyed for being unreadable here. */
export class NewerVersionError extends ExperimentError {}

/** Data from a file: nothing in it is to be changed. */
export type Immutable<T> = { readonly [K in keyof T]: Immutable<T[K]> };

export const wholeNumber = v.pipe(v.number(), v.integer());
export const tokenId = v.pipe(wholeNumber, v.minValue(0));

const longestPrompt = 20_000;
/** A prompt, or a part of one: text, or token ids where there is no tokenizer. */
export const textOrIds = v.union([v.pipe(v.string(), v.maxLength(longestPrompt)), v.array(tokenId)]);
/** One token: its text, or its id. */
export const tokenName = v.union([v.string(), tokenId]);

const envelope = v.looseObject({ kind: v.string(), version: v.number() });

/**
 * Check an experiment or a result against the schema of its kind.
 * @param value what JSON.parse gave
 * @throws NewerVersionError for a newer version; ExperimentError for another kind, or the first thing that is wrong
 */
export function readVersioned<const S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  kind: string,
  version: number,
): Immutable<v.InferOutput<S>> {
  const head = v.safeParse(envelope, value);
  if (!head.success) {
    throw new ExperimentError(
      `This is not an experiment of Patchbay: it needs "kind": "${kind}" and "version": ${version}.`,
    );
  }
  if (head.output.kind !== kind) {
    throw new ExperimentError(
      `The kind ${quoted(head.output.kind)} is not '${kind}'. ${didYouMean(head.output.kind, [kind])}`.trim(),
    );
  }
  if (head.output.version > version) {
    throw new NewerVersionError(
      `This '${kind}' has version ${head.output.version}, and this Patchbay reads up to ${version}. Use a newer Patchbay.`,
    );
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output as Immutable<v.InferOutput<S>>; // Only readonly is added.
  throw new ExperimentError(firstWrong(result.issues, 'The file'));
}
