// What Python's Transformers makes of a tokenizer.json before it uses it. The class that is named in tokenizer_config.json
// (or, where none is named, the one of the model's family) and the options there change tokens: a space in front of a
// text, tokens that are added, special tokens that count as text. The rules are those of Transformers 5.24, each tried
// there (expected/make_tokenizer_config.py).
import * as v from 'valibot';
import { quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import type { AddedToken } from './addedTokens.ts';
import { type ByteLevelClass, byteLevel, byteLevelClasses, classOf } from './tokenizerClasses.ts';
import type { Step, TokenizerFile } from './tokenizerJson.ts';

const flag = v.optional(v.nullable(v.boolean()));
const addedTokenSchema = v.looseObject({
  content: v.string(),
  single_word: flag,
  lstrip: flag,
  rstrip: flag,
  normalized: flag,
  special: flag,
});
const named = v.optional(v.nullable(v.union([v.string(), addedTokenSchema])));
const severalNamed = v.optional(
  v.nullable(
    v.union([
      v.array(v.union([v.string(), addedTokenSchema])),
      v.record(v.string(), v.union([v.string(), addedTokenSchema])),
    ]),
  ),
);

export const tokenizerConfigSchema = v.looseObject({
  tokenizer_class: v.optional(v.nullable(v.string())),
  add_prefix_space: flag,
  add_bos_token: flag,
  add_eos_token: flag,
  split_special_tokens: flag,
  do_lower_case: flag,
  strip_accents: flag,
  tokenize_chinese_chars: flag,
  added_tokens_decoder: v.optional(v.nullable(v.record(v.string(), addedTokenSchema))),
  bos_token: named,
  eos_token: named,
  unk_token: named,
  sep_token: named,
  pad_token: named,
  cls_token: named,
  mask_token: named,
  additional_special_tokens: severalNamed,
  extra_special_tokens: severalNamed,
});

export type TokenizerConfig = v.InferOutput<typeof tokenizerConfigSchema>;

/** A tokenizer.json as Transformers uses it. */
export interface PythonReading {
  readonly file: TokenizerFile;
  readonly splitsSpecialTokens: boolean;
  /**
   * A second reading, where versions of Transformers differ, and the sentence to say about a text that becomes other
   * tokens in it.
   */
  readonly other?: { readonly file: TokenizerFile; readonly says: string };
}

/** Special tokens that a class names by itself. */
const classTokens: Readonly<Record<string, readonly string[]>> = {
  GPT2Tokenizer: ['<|endoftext|>'],
  GPTNeoXTokenizer: ['<|endoftext|>', '<|padding|>'],
  Qwen2Tokenizer: ['<|endoftext|>'],
  LlamaTokenizer: ['<unk>', '<s>', '</s>'],
};

/**
 * @param modelType `model_type` of the model's config.json, where there is one
 * @param label     whose tokenizer it is, for messages
 */
export function readAsPython(
  file: TokenizerFile,
  config: TokenizerConfig,
  modelType: string | undefined,
  label: string,
): PythonReading {
  const splitsSpecialTokens = config.split_special_tokens ?? false;
  const name = classOf(config, modelType);
  const known = withAddedTokens(file, config, name);
  const isByteLevel = JSON.stringify([known.pre_tokenizer, known.decoder]).includes('"ByteLevel"');
  const built = name === undefined ? undefined : byteLevelClasses[name];
  if (name !== undefined && built && isByteLevel) {
    return { ...byteLevelReading(known, config, name, built, label), splitsSpecialTokens };
  }
  if (name === 'LlamaTokenizer' && !isByteLevel) {
    return { ...llamaReading(known, config, label), splitsSpecialTokens };
  }
  if (name === 'BertTokenizer') return { file: withBertOptions(known, config), splitsSpecialTokens };
  const explicit = config.add_prefix_space;
  if (typeof explicit === 'boolean' && known.pre_tokenizer?.type === 'ByteLevel') {
    const other = withPrefixSpace(known, explicit);
    const says =
      `tokenizer_config.json of ${label} sets 'add_prefix_space' to ${explicit}, which Transformers 4 writes into the tokenizer ` +
      'and Transformers 5 passes over for this class. The text is read as by 5, and 4 makes other tokens of it.';
    return { file: known, splitsSpecialTokens, other: { file: other, says } };
  }
  return { file: known, splitsSpecialTokens };
}

/** `step` with the option written into its byte-level part, wherever in a sequence that stands. */
function prefixed(step: Step, adds: boolean): Step {
  if (step.type === 'ByteLevel') return { ...step, add_prefix_space: adds };
  const steps = v.safeParse(v.array(v.looseObject({})), step.pretokenizers);
  return steps.success ? { ...step, pretokenizers: steps.output.map((part) => prefixed(part, adds)) } : step;
}

function withPrefixSpace(file: TokenizerFile, adds: boolean): TokenizerFile {
  return file.pre_tokenizer ? { ...file, pre_tokenizer: prefixed(file.pre_tokenizer, adds) } : file;
}

function byteLevelReading(
  file: TokenizerFile,
  config: TokenizerConfig,
  name: string,
  built: ByteLevelClass,
  label: string,
): Pick<PythonReading, 'file' | 'other'> {
  const adds = config.add_prefix_space ?? false;
  const read = withPrefixSpace(file, adds);
  // This class passes over the template of the file.
  const template = name === 'GPTNeoXTokenizer' ? null : read.post_processor;
  const other = {
    ...read,
    normalizer: built.normalizer,
    pre_tokenizer: prefixed(built.cutter, adds),
    post_processor: template,
    model: { ...read.model, ignore_merges: false },
  };
  const says =
    `The tokenizer of ${label} is read as its tokenizer.json says, which is how Transformers 4 reads it. Transformers 5 builds a ` +
    `${name} of its own from it, which makes other tokens of this text.`;
  return { file: read, other: { file: other, says } };
}

/** Whether a space is put in front of a text by a SentencePiece file. */
function addsSpace({ normalizer, pre_tokenizer: cutter }: TokenizerFile): boolean {
  if (JSON.stringify(normalizer ?? null).includes('"Prepend"')) return true;
  return cutter?.type === 'Metaspace' && cutter.prepend_scheme !== 'never';
}

function llamaReading(
  file: TokenizerFile,
  config: TokenizerConfig,
  label: string,
): Pick<PythonReading, 'file' | 'other'> {
  const adds = config.add_prefix_space ?? true;
  const rebuilt = llamaOfFive(file, adds, config.legacy === true);
  if (addsSpace(file) !== adds) return { file: rebuilt };
  const says =
    `The tokenizer of ${label} is read as its tokenizer.json says, which is how Transformers 4 reads it. Transformers 5 builds a ` +
    'LlamaTokenizer of its own from it, which makes other tokens of this text (of spaces at its beginning, or after special tokens).';
  return { file, other: { file: rebuilt, says } };
}

/** What LlamaTokenizer of Transformers 5 builds of a vocabulary. */
function llamaOfFive(file: TokenizerFile, adds: boolean, isLegacy: boolean): TokenizerFile {
  const strip = adds ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [];
  return {
    ...file,
    normalizer: null,
    pre_tokenizer: {
      type: 'Metaspace',
      replacement: '▁',
      prepend_scheme: adds ? (isLegacy ? 'always' : 'first') : 'never',
      split: false,
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...strip,
      ],
    },
  };
}

function withBertOptions(file: TokenizerFile, config: TokenizerConfig): TokenizerFile {
  if (file.normalizer?.type !== 'BertNormalizer') return file;
  return {
    ...file,
    normalizer: {
      ...file.normalizer,
      lowercase: config.do_lower_case ?? true,
      strip_accents: config.strip_accents ?? null,
      handle_chinese_chars: config.tokenize_chinese_chars ?? true,
    },
  };
}

/** Added tokens as the configuration has them, and special tokens that it names and the file does not have. */
function withAddedTokens(
  file: TokenizerFile,
  config: TokenizerConfig,
  name: string | undefined,
): TokenizerFile {
  const vocabulary = Array.isArray(file.model.vocab)
    ? new Map(file.model.vocab.map((entry: unknown, id) => [Array.isArray(entry) ? entry[0] : entry, id]))
    : new Map<unknown, unknown>(Object.entries(file.model.vocab));
  const added = new Map((file.added_tokens ?? []).map((token) => [token.content, token]));
  // No spread: a vocabulary is longer than the longest list of arguments.
  let next = [...vocabulary.values(), ...[...added.values()].map(({ id }) => id)].reduce<number>(
    (most, id) => Math.max(most, Number(id)),
    -1,
  );
  const add = (given: string | v.InferOutput<typeof addedTokenSchema>, isSpecial: boolean): void => {
    const token = typeof given === 'string' ? { content: given, special: true } : given;
    const { content } = token;
    if (content === '') return;
    const id = added.get(content)?.id ?? vocabulary.get(content) ?? ++next;
    const special = isSpecial || token.special === true;
    added.set(content, {
      id: Number(id),
      content,
      special,
      single_word: token.single_word ?? false,
      lstrip: token.lstrip ?? false,
      rstrip: token.rstrip ?? false,
      normalized: token.normalized ?? !special,
    } satisfies AddedToken);
  };
  const decoder = Object.entries(config.added_tokens_decoder ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  for (const [, token] of decoder) add(token, false);
  // What the class names by itself is special too, as far as the vocabulary has it.
  for (const content of classTokens[name ?? ''] ?? []) {
    if (vocabulary.has(content) && !added.has(content)) add(content, true);
  }
  const { bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token } = config;
  const several = [config.additional_special_tokens, config.extra_special_tokens].flatMap((tokens) =>
    Object.values(tokens ?? {}),
  );
  for (const token of [
    bos_token,
    eos_token,
    unk_token,
    sep_token,
    pad_token,
    cls_token,
    mask_token,
    ...several,
  ]) {
    const content = contentOf(token);
    if (token && content !== undefined && !added.has(content)) add(token, true);
  }
  return { ...file, added_tokens: [...added.values()] };
}

/**
 * The tokenizer.json of a vocabulary and its merges, as the class that is named builds it.
 * @throws CheckpointError when the class is none that is known to be made so
 */
export function vocabularyJson(
  vocab: Readonly<Record<string, number>>,
  merges: readonly string[],
  tokenizerConfig: unknown,
  modelType: string | undefined,
  label: string,
): unknown {
  const parsed = v.safeParse(tokenizerConfigSchema, tokenizerConfig);
  const config: TokenizerConfig = parsed.success ? parsed.output : {};
  const name = classOf(config, modelType);
  const built = name === undefined ? undefined : byteLevelClasses[name];
  if (!built) {
    throw new CheckpointError(
      `${label} has vocab.json and merges.txt, and ${name === undefined ? 'nothing says' : `${quoted(name)} does not say`} how text is cut ` +
        "before the merges. Add tokenizer.json (Hugging Face's save_pretrained of the tokenizer writes it), or give token ids.",
    );
  }
  const unknown = contentOf(config.unk_token) ?? '<|endoftext|>';
  return {
    added_tokens: [],
    normalizer: built.normalizer,
    pre_tokenizer: built.cutter,
    post_processor: vocabularyTemplate(vocab, config),
    decoder: byteLevel(true),
    model: { type: 'BPE', vocab, merges, unk_token: Object.hasOwn(vocab, unknown) ? unknown : null },
  };
}

const contentOf = (token: TokenizerConfig['bos_token']): string | undefined =>
  typeof token === 'string' ? token : token?.content;

/** Around a text stands what the configuration asks for, since no file says otherwise. */
function vocabularyTemplate(vocab: Readonly<Record<string, number>>, config: TokenizerConfig): Step | null {
  const around = (isAdded: boolean, token: TokenizerConfig['bos_token']) => {
    const content = contentOf(token) ?? '<|endoftext|>';
    return isAdded && Object.hasOwn(vocab, content) ? [{ SpecialToken: { id: content, type_id: 0 } }] : [];
  };
  const single = [
    ...around(config.add_bos_token === true, config.bos_token),
    { Sequence: { id: 'A', type_id: 0 } },
    ...around(config.add_eos_token === true, config.eos_token),
  ];
  return single.length === 1
    ? null
    : { type: 'TemplateProcessing', single, pair: single, special_tokens: {} };
}
