// Prompts as a call gives them: text or token ids, one or many, of any lengths, with or without padding. Rows need no
// padding, so it is taken off, and locations are counted where the caller counts them.

import { type Architecture, firstInput } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { RowSource } from '../../runtime/plan/plan.ts';
import { lengthOfStack } from '../../runtime/plan/stacks.ts';
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
 * - what a processor of Hugging Face returns, in its words: pixels or features, an array for each example, with the ids
 *   that the decoder has written; or the ids of a source and of its target, with pixels where the source is a question about
 *   a picture. Without those of the decoder it is at its start.
 *   Texts and ids alone are the source of a model of two stacks that reads one.
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
      readonly decoderInputIds?: readonly TokenIds[] | TokenIds | IdTensor;
    }
  | ReadInputs;

/** What a model reads that is no text, one array for each example; and the ids of its decoder. */
export interface ReadInputs {
  /** [channels, height, width], normalised. */
  readonly pixelValues?: Float32Array | readonly Float32Array[];
  /** [bands, frames] */
  readonly inputFeatures?: Float32Array | readonly Float32Array[];
  readonly inputIds?: readonly TokenIds[] | TokenIds | IdTensor;
  readonly decoderInputIds?: readonly TokenIds[] | TokenIds | IdTensor;
}

/** What prompts are read with. */
export interface PromptReader {
  readonly architecture: Architecture;
  readonly tokenizer: Tokenizer | undefined;
}

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

/** Numbers for each example. @throws InterventionError for anything else */
function arraysOf(value: unknown, label: string): readonly Float32Array[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every((entry) => entry instanceof Float32Array)) return list;
  throw new InterventionError(
    `${label}: a Float32Array is expected, or a list with one for each example, not ${shownValue(value)}.`,
  );
}

/** As many of one kind as of the other; one serves all. */
function paired<A, B>(
  read: readonly A[],
  written: readonly B[],
  label: string,
): readonly (readonly [A, B])[] {
  const count = Math.max(read.length, written.length);
  const at = <T>(list: readonly T[], index: number): T | undefined =>
    list.length === 1 ? list[0] : list[index];
  return Array.from({ length: count }, (_, index) => {
    const [a, b] = [at(read, index), at(written, index)];
    if (a !== undefined && b !== undefined) return [a, b] as const;
    throw new InterventionError(
      `${label}: ${read.length} are read and ${written.length} written; they must be as many, or one.`,
    );
  });
}

/** What a model of two stacks reads, and what its decoder has written. */
function readAndWritten(given: ReadInputs, { architecture }: PromptReader, label: string): readonly Prompt[] {
  const { input, encoder, family } = architecture;
  const reads = firstInput(architecture);
  const word = reads?.kind === 'sound' ? 'inputFeatures' : 'pixelValues';
  const other = (['pixelValues', 'inputFeatures'] as const).find(
    (name) => given[name] !== undefined && (!reads || name !== word),
  );
  if (other) throw new InterventionError(`${label}.${other}: a ${family} model does not read that.`);
  if (reads && given[word] === undefined)
    throw new InterventionError(`${label}: a ${family} model reads '${word}', which is missing.`);
  const promptOf = (source: RowSource, tokens: readonly number[]): Prompt => {
    const start = { kind: 'tokens', tokens, source } as const;
    const lengths = {
      encoder: lengthOfStack(architecture, start, 'encoder'),
      first: lengthOfStack(architecture, start, 'first'),
    };
    return { ...whole(tokens), read: { start, lengths } };
  };
  if (input) {
    if (given.inputIds !== undefined || given.decoderInputIds !== undefined)
      throw new InterventionError(`${label}: a ${family} model reads a picture and no ids.`);
    return arraysOf(given[word], `${label}.${word}`).map((data) => ({
      ...whole([]),
      read: { start: { kind: 'input', data }, lengths: { main: input.positions } },
    }));
  }
  const start = [encoder?.startToken ?? 0];
  const ids = (name: 'inputIds' | 'decoderInputIds') =>
    given[name] === undefined ? [start] : rowsOf(given[name], `${label}.${name}`);
  if (!encoder?.input) {
    const texts = paired(rowsOf(given.inputIds, `${label}.inputIds`), ids('decoderInputIds'), label);
    if (!reads) return texts.map(([tokens, target]) => promptOf({ kind: 'tokens', tokens }, target));
    return paired(arraysOf(given[word], `${label}.${word}`), texts, label).map(([data, [tokens, target]]) =>
      promptOf({ kind: 'tokens', tokens, source: { kind: 'input', data } }, target),
    );
  }
  const name = given.decoderInputIds === undefined ? 'inputIds' : 'decoderInputIds';
  return paired(arraysOf(given[word], `${label}.${word}`), ids(name), label).map(([data, target]) =>
    promptOf({ kind: 'input', data }, target),
  );
}

const readNames = ['pixelValues', 'inputFeatures', 'inputIds', 'decoderInputIds'] as const;

/**
 * @throws InterventionError for text without a tokenizer, an empty batch, a mask that fits no prompt, or what the model does
 *         not read
 */
export function readInputs(inputs: Inputs, reader: PromptReader, label: string): readonly Prompt[] {
  const { encoder, input, family } = reader.architecture;
  if (!encoder && !input) return readTokens(inputs, reader.tokenizer, label);
  const given: unknown = inputs;
  const isNamed =
    typeof given === 'object' && given !== null && !Array.isArray(given) && !ArrayBuffer.isView(given);
  if (isNamed && !isTensor(given)) {
    requireNames(label, given, readNames);
    // An object with no other names, as was just checked.
    return readAndWritten(given as ReadInputs, reader, label);
  }
  const reads = firstInput(reader.architecture);
  if (reads) {
    const picture = input
      ? 'a picture: give { pixelValues }'
      : encoder?.input
        ? 'a picture: give { pixelValues, inputIds }'
        : 'a picture and a question: give { pixelValues, inputIds, decoderInputIds }';
    throw new InterventionError(
      `${label}: a ${family} model reads ${reads.kind === 'sound' ? 'a sound: give { inputFeatures, decoderInputIds }' : picture}.`,
    );
  }
  const sources = readTokens(inputs, reader.tokenizer, label).map(({ tokens }) => tokens);
  return readAndWritten({ inputIds: sources }, reader, label);
}

/** @throws InterventionError for text without a tokenizer, an empty batch, or a mask that fits no prompt */
function readTokens(inputs: Inputs, tokenizer: Tokenizer | undefined, label: string): readonly Prompt[] {
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
