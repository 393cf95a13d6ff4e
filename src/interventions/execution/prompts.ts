// Prompts as a call gives them: text or token ids, one or many, of any lengths, with or without padding. Rows need no
// padding, so it is taken off, and locations are counted where the caller counts them.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { isNumber, numbersOf, requireNames, shownValue } from '../arguments.ts';
import { InterventionError } from '../intervention.ts';
import type { Prompt } from './prompt.ts';

/** Token ids of one prompt; those of Transformers.js are 64 bits wide. */
export type TokenIds = readonly number[] | readonly bigint[] | Int32Array | BigInt64Array;

/** A tensor of Transformers.js or ONNX Runtime: [positions], or [examples, positions]. */
export interface IdTensor {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
}

/**
 * - text, or a list of texts
 * - token ids of one prompt, or a list of such lists, of any lengths; or a tensor of them
 * - what a tokenizer of Hugging Face returns: padded token ids, and a mask that is 0 in the padding
 */
export type Inputs =
  | string
  | readonly string[]
  | TokenIds
  | readonly TokenIds[]
  | IdTensor
  | {
      readonly inputIds: readonly TokenIds[] | TokenIds | IdTensor;
      readonly attentionMask?: readonly TokenIds[] | TokenIds | IdTensor;
    };

const whole = (tokens: readonly number[]): Prompt => ({ tokens, placeOf: (position) => position });

function unpadded(tokens: readonly number[], mask: readonly number[], label: string): Prompt {
  if (mask.length !== tokens.length)
    throw new InterventionError(
      `${label}: the attention mask has ${mask.length} entries, and the prompt ${tokens.length} tokens.`,
    );
  const first = mask.indexOf(1);
  const last = mask.lastIndexOf(1);
  if (first < 0 || mask.slice(first, last + 1).some((entry) => entry !== 1))
    throw new InterventionError(
      `${label}: the attention mask must be 1 for the tokens of the prompt, which lie side by side, and 0 before and after them.`,
    );
  return {
    tokens: tokens.slice(first, last + 1),
    placeOf: (position) => {
      if (position < first || position > last)
        throw new InterventionError(
          `Position ${position} lies in the padding; the prompt has positions ${first} to ${last}.`,
        );
      return position - first;
    },
  };
}

const isTensor = (value: unknown): value is IdTensor =>
  typeof value === 'object' && value !== null && 'dims' in value && 'data' in value;

/** @returns a list for each example. @throws InterventionError for what holds no token ids */
function rowsOf(value: unknown, label: string): readonly (readonly number[])[] {
  const refuse = (what: unknown): never => {
    throw new InterventionError(
      `${label}: ${shownValue(what)} is neither a prompt nor a list of them. Give text, token ids, a list of either, a tensor of ids with 'dims' and 'data', or { inputIds, attentionMask }.`,
    );
  };
  if (isTensor(value)) {
    const { dims } = value;
    const data = numbersOf(value.data) ?? refuse(value.data);
    const [examples = 1, positions = data.length] = dims.length === 1 ? [1, dims[0]] : dims;
    if (dims.length > 2 || examples * positions !== data.length)
      throw new InterventionError(
        `${label}: a tensor of token ids is [positions] or [examples, positions]; this one is [${dims.join(', ')}] and has ${data.length} entries.`,
      );
    return Array.from({ length: examples }, (_, row) => data.slice(row * positions, (row + 1) * positions));
  }
  const one = numbersOf(value);
  if (one && one.length > 0) return [one];
  if (!Array.isArray(value)) return refuse(value);
  // An array of anything is checked entry by entry.
  const entries: readonly unknown[] = value;
  return entries.flatMap((entry, example) => {
    if (isNumber(entry) || typeof entry === 'string') throw mixed(label);
    if (isTensor(entry)) return rowsOf(entry, `${label}.${example}`);
    return [numbersOf(entry) ?? refuse(entry)];
  });
}

const mixed = (label: string) => new InterventionError(`${label}: it mixes token ids and prompts.`);

/** @throws InterventionError for text without a tokenizer, an empty batch, or a mask that fits no prompt */
export function readInputs(
  inputs: Inputs,
  tokenizer: Tokenizer | undefined,
  label: string,
): readonly Prompt[] {
  const encode = (text: string): Prompt => {
    if (!tokenizer)
      throw new InterventionError(
        `${label}: a prompt as text needs a tokenizer. Give one to the IntervenableModel, or token ids.`,
      );
    return whole(tokenizer.encode(text));
  };
  if (typeof inputs === 'string') return [encode(inputs)];
  const none = () => new InterventionError(`${label}: there is no prompt.`);
  // What is handed over may be anything, whatever its type says.
  const given: unknown = inputs;
  if (Array.isArray(given) || ArrayBuffer.isView(given) || isTensor(given)) {
    if (Array.isArray(given) && given.some((entry) => typeof entry === 'string')) {
      // Texts, or texts and lists of ids side by side.
      const entries: readonly unknown[] = given;
      return entries.flatMap((entry) =>
        typeof entry === 'string' ? [encode(entry)] : rowsOf([entry], label).map(whole),
      );
    }
    const rows = rowsOf(given, label);
    if (rows.length === 0) throw none();
    return rows.map(whole);
  }
  requireNames(label, given, ['inputIds', 'attentionMask']);
  // An object with no other names, as was just checked.
  const { inputIds, attentionMask } = given as {
    readonly inputIds?: unknown;
    readonly attentionMask?: unknown;
  };
  if (inputIds === undefined) throw new InterventionError(`${label}: 'inputIds' is missing.`);
  const rows = rowsOf(inputIds, `${label}.inputIds`);
  if (rows.length === 0) throw none();
  if (attentionMask === undefined) return rows.map(whole);
  const masks = rowsOf(attentionMask, `${label}.attentionMask`);
  if (masks.length !== rows.length)
    throw new InterventionError(
      `${label}: there are ${rows.length} prompts and ${masks.length} attention masks.`,
    );
  return rows.map((tokens, example) => unpadded(tokens, masks[example] ?? [], `${label}.${example}`));
}
