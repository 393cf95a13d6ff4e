// Tokenizers, by Hugging Face's library, from a tokenizer.json that is in memory already: nothing is fetched here. It is
// the library that Transformers.js reads its tokenizers with, without the models and the runtime that come with that.
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import * as v from 'valibot';
import { quoted, reasonOf } from '../../messages/wording.ts';
import { CheckpointError, type Tokenizer } from '../checkpoint.ts';
import { createEncoder, type Encoder } from './encoding.ts';
import { readAsPython, type TokenizerConfig, tokenizerConfigSchema } from './pythonReading.ts';
import { requireSound, type TokenizerFile, tokenizerSchema } from './tokenizerJson.ts';
import { type Spelling, textOfToken } from './tokenText.ts';

/**
 * @param tokenizerJson   the contents of tokenizer.json
 * @param tokenizerConfig the contents of tokenizer_config.json, or an empty object
 * @param label           whose tokenizer it is, for messages
 * @param modelType       `model_type` of the model's config.json, which decides what tokenizer_config.json leaves open
 * @throws CheckpointError when the library cannot read it
 */
export async function buildTokenizer(
  tokenizerJson: unknown,
  tokenizerConfig: unknown,
  label: string,
  modelType?: string,
): Promise<Tokenizer> {
  const parsed = v.safeParse(tokenizerSchema, tokenizerJson);
  const config = v.safeParse(tokenizerConfigSchema, tokenizerConfig);
  if (!parsed.success || !config.success) {
    const file = parsed.success ? 'tokenizer_config.json' : 'tokenizer.json';
    throw new CheckpointError(
      `'${file}' of ${label} is not what a tokenizer's file should be. Save the tokenizer again with Hugging Face's tokenizers.`,
    );
  }
  requireSound(parsed.output, label);
  const reading = readAsPython(parsed.output, config.output, modelType, label);
  const encoderOf = (file: TokenizerFile, library = libraryOf(file, config.output)): Encoder =>
    createEncoder(library, {
      spelling: spellingOf(file),
      splitsSpecialTokens: reading.splitsSpecialTokens,
      hasByteFallback: file.model.byte_fallback === true,
      cutsAtSpaces: cutsAtSpaces(file),
      noToken: (piece) => new CheckpointError(noTokenSentence(piece, label, modelType)),
    });
  try {
    const library = libraryOf(reading.file, config.output);
    const { other } = reading;
    const warn = other && { encoder: encoderOf(other.file), says: other.says };
    const wrapped = wrap(library, reading.file, label, encoderOf(reading.file, library), warn);
    const maskId = maskOf(reading.file, config.output);
    return maskId === undefined ? wrapped : { ...wrapped, maskId };
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(
      `The tokenizer of ${label} cannot be built from its tokenizer.json (${reasonOf(cause)}). ` +
        'It may use a kind that is not supported; token ids can still be given.',
    );
  }
}

function noTokenSentence(piece: string, label: string, modelType: string | undefined): string {
  if (modelType === 'esm')
    return (
      `${quoted(piece)} is no amino acid that ${label} knows. Write amino acids as capital letters (MKTAYIAK), ` +
      "'-' and '.' for gaps, and <mask> where one is to be predicted."
    );
  return `The tokenizer of ${label} has no token for ${quoted(piece)}, and none for unknown text. Write the prompt without it, or give token ids.`;
}

/** As masked models call it where tokenizer_config.json does not say. */
const usualMasks: readonly string[] = ['[MASK]', '<mask>'];

/** The mask that the configuration names, or a special token that is called as masks are. */
function maskOf({ added_tokens: added = [] }: TokenizerFile, config: TokenizerConfig): number | undefined {
  const { mask_token: named } = config;
  const name = typeof named === 'string' ? named : named?.content;
  const isMask = (content: string) => (name === undefined ? usualMasks.includes(content) : content === name);
  return added.find(({ content, special }) => special === true && isMask(content))?.id;
}

/** The library asks for every step, and for the unknown token of a list of words in the configuration. */
function libraryOf(file: TokenizerFile, config: TokenizerConfig): LibraryTokenizer {
  const unknown = file.model.unk_token;
  const nothing = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  return new LibraryTokenizer(
    { ...nothing, added_tokens: [], ...file },
    { ...config, ...(typeof unknown === 'string' ? { unk_token: unknown } : {}) },
  );
}

/** A second way to read texts, and what to say of one that it reads otherwise. */
interface OtherReading {
  readonly encoder: Encoder;
  readonly says: string;
}

function wrap(
  library: LibraryTokenizer,
  file: TokenizerFile,
  label: string,
  encoder: Encoder,
  other?: OtherReading,
): Tokenizer {
  const spelling = spellingOf(file);
  // These stand in the file as they stand in a text, whatever the spelling of the others.
  const added = new Set((file.added_tokens ?? []).map(({ id }) => id));
  const tokens: string[] = [];
  for (const [token, id] of library.get_vocab()) tokens[id] = token;
  const special = new Set(
    [...library.get_added_tokens_decoder()].flatMap(([id, token]) => (token.special ? [id] : [])),
  );
  const requireId = (id: number): void => {
    if (!Number.isSafeInteger(id) || id < 0) {
      throw new CheckpointError(
        `Token id ${id} does not exist in the vocabulary of ${label}. Ids go from 0 to ${tokens.length - 1}.`,
      );
    }
  };
  return {
    vocabularySize: tokens.length,
    encode: (text, options) => encoder.ids(text, options?.addSpecialTokens ?? true),
    places: (text) => encoder.places(text),
    noticeOf(text) {
      if (!other) return undefined;
      const ids = encoder.ids(text, true);
      const others = other.encoder.ids(text, true);
      return ids.length === others.length && ids.every((id, index) => id === others[index])
        ? undefined
        : other.says;
    },
    decode(ids) {
      ids.forEach(requireId);
      const known = ids.filter((id) => tokens[id] !== undefined);
      if (known.length === 0) return '';
      return library.decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
    tokenText(id) {
      requireId(id);
      const token = tokens[id];
      // A model may have more rows than its tokenizer has tokens.
      if (token === undefined) return `#${id}`;
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

/** Whether some step of the cutting is SentencePiece's with its cut before spaces, which is on unless it is put off. */
function cutsAtSpaces({ pre_tokenizer: cutter }: TokenizerFile): boolean {
  const steps: readonly unknown[] = Array.isArray(cutter?.pretokenizers) ? cutter.pretokenizers : [cutter];
  const metaspace = v.looseObject({ type: v.literal('Metaspace'), split: v.optional(v.boolean(), true) });
  return steps.some((step) => {
    const parsed = v.safeParse(metaspace, step);
    return parsed.success && parsed.output.split;
  });
}
