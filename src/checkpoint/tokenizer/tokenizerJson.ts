// The file tokenizer.json, as far as it is looked into here. The rest is the library's business and is passed on as it is.
import * as v from 'valibot';
import { quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';

/** A step of the file: its type and options. */
const stepSchema = v.looseObject({ type: v.optional(v.string()) });

export type Step = v.InferOutput<typeof stepSchema>;

const step = v.optional(v.nullable(stepSchema));
const flag = v.optional(v.nullable(v.boolean()));

export const tokenizerSchema = v.looseObject({
  version: v.optional(v.nullable(v.string())),
  model: v.looseObject({
    type: v.optional(v.string()),
    vocab: v.custom<object>((value) => typeof value === 'object' && value !== null),
    byte_fallback: v.optional(v.nullable(v.boolean())),
  }),
  normalizer: step,
  pre_tokenizer: step,
  post_processor: step,
  decoder: step,
  added_tokens: v.optional(
    v.array(
      v.looseObject({
        id: v.number(),
        content: v.string(),
        special: flag,
        single_word: flag,
        lstrip: flag,
        rstrip: flag,
        normalized: flag,
      }),
    ),
  ),
});

export type TokenizerFile = v.InferOutput<typeof tokenizerSchema>;

/** What the library knows. It takes any other for a guess of its own, and gives wrong tokens silently. */
const modelTypes: readonly string[] = ['BPE', 'Unigram', 'WordLevel', 'WordPiece'];

/** More tokens than any vocabulary has; an id beyond it is damage, and would make an array of that length. */
const largestId = 1 << 24;

/**
 * What the library does not check: a kind of model that it does not know, and ids that no array can hold.
 * @throws CheckpointError
 */
export function requireSound(file: TokenizerFile, label: string): void {
  const { type, vocab } = file.model;
  if (file.version && !/^1(\.|$)/.test(file.version)) {
    throw new CheckpointError(
      `'tokenizer.json' of ${label} has version ${quoted(file.version)} of its format, and version 1.0 is read. ` +
        'Use a newer Patchbay, or save the tokenizer with an older version of tokenizers.',
    );
  }
  if (type !== undefined && !modelTypes.includes(type)) {
    throw new CheckpointError(
      `The tokenizer of ${label} is of the kind ${quoted(type)}, which is not supported. Known: ${modelTypes.join(', ')}.`,
    );
  }
  // A Unigram vocabulary is a list, whose ids are its places.
  const listed = Array.isArray(vocab) ? [] : Object.entries(vocab);
  for (const [token, id] of [
    ...listed,
    ...(file.added_tokens ?? []).map(({ id, content }) => [content, id] as const),
  ]) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= largestId) {
      throw new CheckpointError(
        `The tokenizer of ${label} gives token ${quoted(token)} the id ${String(id)}; ids are whole numbers below ${largestId}. ` +
          'The file is damaged; fetch it again.',
      );
    }
  }
}
