// Checks what a caller hands over: JavaScript drops an unknown field without a word, and people bring the names of pyvene
// and of transformers with them.

import { type BorrowedNames, unknownName } from '../messages/unknownName.ts';
import { InterventionError } from './intervention.ts';

const borrowed: BorrowedNames = {
  unit_locations: 'unitLocations',
  locations: 'unitLocations',
  activations_sources: 'sourceRepresentations',
  source_representations: 'sourceRepresentations',
  output_original_output: 'outputOriginalOutput',
  input_ids: 'inputIds',
  attention_mask: 'attentionMask',
  token_type_ids: 'These models know no types of tokens; leave it out.',
  position_ids: 'Positions are counted from the first token; leave it out.',
  return_dict: 'The answer is always an object with names; leave it out.',
  intervene_on_prompt: 'A call runs the prompt; leave it out.',
  use_fast: 'Locations of every example stand by themselves; leave it out.',
  max_new_tokens: 'maxNewTokens',
  eos_token_id: 'eosIds',
  do_sample: 'sampling',
  temperature: "It is one of 'sampling'.",
  labels: 'Losses are computed by experiments, not by a call; leave it out.',
};

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * @param what for messages: `run`, `base`
 * @throws InterventionError for what is no object, or has a name that is not read
 */
export function requireNames(what: string, given: unknown, known: readonly string[]): void {
  if (!isObject(given))
    throw new InterventionError(
      `${what}: an object with ${known.map((name) => `'${name}'`).join(', ')} is expected, not ${shownValue(given)}.`,
    );
  const sentence = unknownName(what, given, known, borrowed);
  if (sentence !== undefined) throw new InterventionError(sentence);
}

/** @throws InterventionError for a value that is none of these */
export function requireChoice(what: string, given: unknown, choices: readonly string[]): void {
  if (given === undefined || choices.some((choice) => choice === given)) return;
  throw new InterventionError(
    `${what} must be ${choices.map((choice) => `'${choice}'`).join(', ')}, not ${shownValue(given)}.`,
  );
}

/** A value in a sentence, cut short. */
export function shownValue(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const text =
    JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

export const isNumber = (value: unknown): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint';

/** A list or a typed array of numbers; undefined for anything else. */
export function numbersOf(value: unknown): readonly number[] | undefined {
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && Symbol.iterator in value);
  if (!isList) return undefined;
  // Both can be iterated, and what is in them is checked one by one.
  const entries = Array.from(value as Iterable<unknown>);
  return entries.every(isNumber) ? entries.map(Number) : undefined;
}
