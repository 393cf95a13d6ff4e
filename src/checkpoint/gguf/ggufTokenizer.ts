// The tokenizer of a GGUF file. The file holds tokens, merges or scores, and the name of the way text is cut before the
// merges; together they say the same as a tokenizer.json, which is put together here for the library that reads those.

import { listed, quoted } from '../../messages/wording.ts';
import { CheckpointError, type Tokenizer } from '../checkpoint.ts';
import { buildTokenizer } from '../tokenizer/tokenizer.ts';
import { mergesFromScores } from './ggufMerges.ts';
import type { GgufMetadata } from './ggufMetadata.ts';

/** A step of a tokenizer.json: its type and options. */
type Step = Readonly<Record<string, unknown>>;

interface Cutting {
  readonly normalizer: Step | null;
  readonly preTokenizer: Step;
  /** Whether a word that is a token is taken whole, whatever the merges say. */
  readonly ignoresMerges: boolean;
  /** Whether a beginning-of-sequence token is put first when the file does not say. */
  readonly addsBeginning: boolean;
}

const byteLevel = (cutsWords: boolean): Step => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: cutsWords,
});

const sequence = (...pretokenizers: readonly Step[]): Step => ({ type: 'Sequence', pretokenizers });

const splitAt = (pattern: string): Step => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
});

/** Cut by a pattern whose digits come in groups of at most `digits`. */
const splitBy = (digits: string): Step =>
  sequence(
    splitAt(
      `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}` +
        '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
    ),
    byteLevel(false),
  );

const digitsStep = (each: boolean): Step => ({ type: 'Digits', individual_digits: each });

const singleDigits = sequence(digitsStep(true), byteLevel(true));

/** Punctuation in runs, and digits by threes. */
const falconSteps = sequence(
  { type: 'Punctuation', behavior: 'Contiguous' },
  byteLevel(true),
  digitsStep(false),
  splitAt('[0-9][0-9][0-9]'),
);

const bloomSteps = sequence(splitAt(' ?[^(\\s|[.,!?…。，、।۔،])]+'), byteLevel(false));

const plain: Cutting = {
  normalizer: null,
  preTokenizer: byteLevel(true),
  ignoresMerges: false,
  addsBeginning: false,
};
const composed: Step = { type: 'NFC' };
const llama3: Cutting = {
  normalizer: null,
  preTokenizer: splitBy('\\p{N}{1,3}'),
  ignoresMerges: true,
  addsBeginning: true,
};
const qwen2: Cutting = { ...plain, normalizer: composed, preTokenizer: splitBy('\\p{N}') };

/** By the name in `tokenizer.ggml.pre`. */
const cuttings: ReadonlyMap<string, Cutting> = new Map([
  ['gpt-2', plain],
  ['phi-2', plain],
  ['olmo', { ...plain, normalizer: composed }],
  ['mpt', { ...plain, normalizer: composed }],
  ['smollm', { ...plain, preTokenizer: singleDigits }],
  ['starcoder', { ...plain, preTokenizer: singleDigits }],
  ['refact', { ...plain, preTokenizer: singleDigits }],
  ['command-r', { ...plain, normalizer: composed, preTokenizer: singleDigits }],
  ['dbrx', { ...plain, preTokenizer: splitBy('\\p{N}{1,3}') }],
  ['falcon', { ...plain, preTokenizer: falconSteps }],
  ['bloom', { ...plain, preTokenizer: bloomSteps }],
  ['llama-bpe', llama3],
  ['llama3', llama3],
  ['llama-v3', llama3],
  ['qwen2', qwen2],
  ['deepseek-r1-qwen', qwen2],
]);

/**
 * @throws CheckpointError when the file holds no tokenizer, or one of a kind that is not known
 */
export async function ggufTokenizer(metadata: GgufMetadata): Promise<Tokenizer> {
  const model = metadata.optionalString('tokenizer.ggml.model');
  const tokens = metadata.optionalStrings('tokenizer.ggml.tokens');
  if (model === undefined || tokens === undefined || tokens.length === 0) {
    throw new CheckpointError(
      `${quoted(metadata.label)} holds no tokenizer, so text cannot be turned into tokens. Convert the model with its tokenizer, or give token ids.`,
    );
  }
  switch (model) {
    case 'gpt2':
      return withBeginningMissed(
        withRepeated(await buildTokenizer(byteLevelJson(metadata, tokens), {}, metadata.label), tokens),
        metadata,
      );
    case 'llama':
      return withRepeated(
        await buildTokenizer(sentencePieceJson(metadata, tokens), {}, metadata.label),
        tokens,
      );
    default:
      throw new CheckpointError(
        `${quoted(metadata.label)} has a tokenizer of kind ${quoted(model)}, which is not supported. Known: gpt2, llama.`,
      );
  }
}

function cuttingOf(metadata: GgufMetadata): Cutting {
  // Files of GPT-2 from before the entry existed can only mean its own way.
  const before = metadata.architecture === 'gpt2' ? 'gpt-2' : undefined;
  const name = metadata.optionalString('tokenizer.ggml.pre') ?? before;
  const cutting = name === undefined ? undefined : cuttings.get(name);
  if (cutting) return cutting;
  throw new CheckpointError(
    `${quoted(metadata.label)} ${name === undefined ? "does not say in 'tokenizer.ggml.pre' how text is cut" : `cuts text in the way ${quoted(name)}`}, ` +
      `so its tokens cannot be told. Known: ${listed([...cuttings.keys()], 20)}. Convert the model anew, or give token ids.`,
  );
}

function byteLevelJson(metadata: GgufMetadata, tokens: readonly string[]): Step {
  const cutting = cuttingOf(metadata);
  const merges = metadata.optionalStrings('tokenizer.ggml.merges');
  if (merges === undefined) {
    throw new CheckpointError(
      `'tokenizer.ggml.merges' is missing in ${quoted(metadata.label)}, so text cannot be turned into tokens. Convert the model anew.`,
    );
  }
  return {
    version: '1.0',
    added_tokens: addedTokens(metadata, tokens),
    normalizer: cutting.normalizer,
    pre_tokenizer: cutting.preTokenizer,
    post_processor: template(metadata, tokens, cutting.addsBeginning),
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', vocab: vocabulary(tokens), merges, ignore_merges: cutting.ignoresMerges },
  };
}

function sentencePieceJson(metadata: GgufMetadata, tokens: readonly string[]): Step {
  const scores = metadata.optionalNumbers('tokenizer.ggml.scores');
  if (scores?.length !== tokens.length) {
    throw new CheckpointError(
      `'tokenizer.ggml.scores' in ${quoted(metadata.label)} has ${scores?.length ?? 0} scores for ${tokens.length} tokens. Convert the model anew.`,
    );
  }
  const addsSpace = metadata.optionalBoolean('tokenizer.ggml.add_space_prefix') ?? true;
  const unknown = metadata.optionalId('tokenizer.ggml.unknown_token_id') ?? 0;
  const strip = addsSpace ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [];
  return {
    version: '1.0',
    added_tokens: addedTokens(metadata, tokens),
    normalizer: null,
    pre_tokenizer: {
      type: 'Metaspace',
      replacement: '▁',
      prepend_scheme: addsSpace ? 'first' : 'never',
      split: false,
    },
    post_processor: template(metadata, tokens, true),
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...strip,
      ],
    },
    model: {
      type: 'BPE',
      unk_token: tokens[unknown] ?? null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: vocabulary(tokens),
      merges: mergesFromScores(tokens, scores),
      ignore_merges: false,
    },
  };
}

/**
 * Token to id, without a prototype: a token may be called `__proto__`. Of a token that is there twice the last id is what a
 * text becomes, as llama.cpp has it.
 */
function vocabulary(tokens: readonly string[]): Readonly<Record<string, number>> {
  const ids: Record<string, number> = Object.create(null);
  for (const [id, token] of tokens.entries()) ids[token] = id;
  return ids;
}

/** The earlier ids of tokens that are there twice have a text too, though no text becomes them. */
function withRepeated(tokenizer: Tokenizer, tokens: readonly string[]): Tokenizer {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  if (ids.size === tokens.length) return tokenizer;
  const last = (id: number): number => ids.get(tokens[id] ?? '') ?? id;
  return {
    ...tokenizer,
    vocabularySize: tokens.length,
    decode: (some) => tokenizer.decode(some.map(last)),
    tokenText: (id) => tokenizer.tokenText(last(id)),
    isSpecial: (id) => tokenizer.isSpecial(last(id)),
  };
}

const controlType = 3;
const userDefinedType = 4;

/** Tokens that are found whole in a text before anything is cut. */
function addedTokens(metadata: GgufMetadata, tokens: readonly string[]): readonly Step[] {
  const types = metadata.optionalNumbers('tokenizer.ggml.token_type') ?? [];
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (type !== controlType && type !== userDefinedType) return [];
    return [
      {
        id,
        content,
        special: type === controlType,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      },
    ];
  });
}

/** The tokens put before and after a text, or null when there are none. */
function template(metadata: GgufMetadata, tokens: readonly string[], addsBeginning: boolean): Step | null {
  const beginning = addedAround(metadata, tokens, 'bos', addsBeginning);
  const end = addedAround(metadata, tokens, 'eos', false);
  if (!beginning && !end) return null;
  const around = (token: SpecialToken | undefined) =>
    token ? [{ SpecialToken: { id: token.content, type_id: 0 } }] : [];
  const single = [...around(beginning), { Sequence: { id: 'A', type_id: 0 } }, ...around(end)];
  const used = [beginning, end].filter((token) => token !== undefined);
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, { Sequence: { id: 'B', type_id: 0 } }],
    special_tokens: Object.fromEntries(
      used.map(({ content, id }) => [content, { id: content, ids: [id], tokens: [content] }]),
    ),
  };
}

interface SpecialToken {
  readonly id: number;
  readonly content: string;
}

/** A kind that begins every text with a token, in a file that names none: the text is read without it, and this is reported. */
function withBeginningMissed(tokenizer: Tokenizer, metadata: GgufMetadata): Tokenizer {
  const isNamed = metadata.has('tokenizer.ggml.bos_token_id') || metadata.has('tokenizer.ggml.add_bos_token');
  if (isNamed || !cuttingOf(metadata).addsBeginning) return tokenizer;
  const notice =
    `${quoted(metadata.label)} names no token that begins a text ('tokenizer.ggml.bos_token_id'), though models of its kind have one. ` +
    'Texts are read without it; llama.cpp puts token 11 there.';
  return { ...tokenizer, noticeOf: () => notice };
}

/** The special tokens of a SentencePiece vocabulary. */
const usualIds = { bos: 1, eos: 2 } as const;

function addedAround(
  metadata: GgufMetadata,
  tokens: readonly string[],
  which: 'bos' | 'eos',
  unlessSaid: boolean,
): SpecialToken | undefined {
  const isAdded = metadata.optionalBoolean(`tokenizer.ggml.add_${which}_token`) ?? unlessSaid;
  if (!isAdded) return undefined;
  // What llama.cpp takes where the file names none. Its number for byte-level vocabularies is a leftover, the comma of
  // GPT-2; there the beginning is left out instead.
  const usual = metadata.optionalString('tokenizer.ggml.model') === 'llama' ? usualIds[which] : undefined;
  const id = metadata.optionalId(`tokenizer.ggml.${which}_token_id`) ?? usual;
  const content = id === undefined ? undefined : tokens[id];
  if (id !== undefined && content !== undefined) return { id, content };
  // Nobody has asked for it, and the kind of tokenizer alone does not make one.
  if (!metadata.has(`tokenizer.ggml.add_${which}_token`) && id === undefined) return undefined;
  throw new CheckpointError(
    `${quoted(metadata.label)} asks for a ${which} token around every text, and 'tokenizer.ggml.${which}_token_id' names none. Convert the model anew.`,
  );
}
