// Tokenizers, by Hugging Face's library, from a tokenizer.json that is in memory already: nothing is fetched here. It is
// the library that Transformers.js reads its tokenizers with, without the models and the runtime that come with that.
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import * as v from 'valibot';
import { quoted, reasonOf } from '../../messages/wording.ts';
import { CheckpointError, type Tokenizer } from '../checkpoint.ts';
import { type Spelling, textOfToken } from './tokenText.ts';

/** What the library reads; the rest of the file is its own business and is passed on as it is. */
const tokenizerSchema = v.looseObject({
  model: v.looseObject({
    type: v.optional(v.string()),
    vocab: v.custom<object>((value) => typeof value === 'object' && value !== null),
  }),
  decoder: v.optional(v.nullable(v.looseObject({}))),
  pre_tokenizer: v.optional(v.nullable(v.looseObject({}))),
  added_tokens: v.optional(v.array(v.looseObject({ id: v.number(), content: v.string() }))),
});

type TokenizerFile = v.InferOutput<typeof tokenizerSchema>;

/** What the library knows. It takes any other for a guess of its own, and gives wrong tokens silently. */
const modelTypes: readonly string[] = ['BPE', 'Unigram', 'WordLevel', 'WordPiece'];

/** More tokens than any vocabulary has; an id beyond it is damage, and would make an array of that length. */
const largestId = 1 << 24;

/**
 * @param tokenizerJson   the contents of tokenizer.json
 * @param tokenizerConfig the contents of tokenizer_config.json, or an empty object
 * @param label           whose tokenizer it is, for messages
 * @throws CheckpointError when the library cannot read it
 */
export async function buildTokenizer(
  tokenizerJson: unknown,
  tokenizerConfig: unknown,
  label: string,
): Promise<Tokenizer> {
  const parsed = v.safeParse(tokenizerSchema, tokenizerJson);
  const config = v.safeParse(v.looseObject({}), tokenizerConfig);
  if (!parsed.success || !config.success) {
    const file = parsed.success ? 'tokenizer_config.json' : 'tokenizer.json';
    throw new CheckpointError(
      `'${file}' of ${label} is not what a tokenizer's file should be. Save the tokenizer again with Hugging Face's tokenizers.`,
    );
  }
  requireSound(parsed.output, label);
  try {
    return wrap(new LibraryTokenizer(parsed.output, config.output), parsed.output, label);
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(
      `The tokenizer of ${label} cannot be built from its tokenizer.json (${reasonOf(cause)}). ` +
        'It may use a kind that is not supported; token ids can still be given.',
    );
  }
}

/** What the library does not check: a kind of model that it does not know, and ids that no array can hold. */
function requireSound(file: TokenizerFile, label: string): void {
  const { type, vocab } = file.model;
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

function wrap(library: LibraryTokenizer, file: TokenizerFile, label: string): Tokenizer {
  const spelling = spellingOf(file);
  // These stand in the file as they stand in a text, whatever the spelling of the others.
  const added = new Set((file.added_tokens ?? []).map(({ id }) => id));
  const tokens: string[] = [];
  for (const [token, id] of library.get_vocab()) tokens[id] = token;
  const special = new Set(
    [...library.get_added_tokens_decoder()].flatMap(([id, token]) => (token.special ? [id] : [])),
  );
  const requireId = (id: number): void => {
    if (!Number.isSafeInteger(id) || id < 0 || id >= tokens.length) {
      throw new CheckpointError(
        `Token id ${id} does not exist in the vocabulary of ${label}. Ids go from 0 to ${tokens.length - 1}.`,
      );
    }
  };
  return {
    vocabularySize: tokens.length,
    encode: (text, options) =>
      library.encode(text, { add_special_tokens: options?.addSpecialTokens ?? true }).ids,
    decode(ids) {
      ids.forEach(requireId);
      if (ids.length === 0) return '';
      return library.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
    tokenText(id) {
      requireId(id);
      const token = tokens[id] ?? '';
      return special.has(id) || added.has(id) ? token : textOfToken(token, spelling);
    },
    isSpecial: (id) => special.has(id),
  };
}

/** The spelling shows in the steps that the file names for cutting text and for putting it together. */
function spellingOf(file: TokenizerFile): Spelling {
  const steps = JSON.stringify([file.decoder ?? null, file.pre_tokenizer ?? null]);
  if (steps.includes('"ByteLevel"')) return 'bytes';
  if (steps.includes('"ByteFallback"') || steps.includes('"Metaspace"') || steps.includes('▁'))
    return 'sentencepiece';
  return steps.includes('"WordPiece"') ? 'wordpiece' : 'plain';
}
