// The classes of Python's Transformers that build a tokenizer of their own around a vocabulary, whatever the file says.
import type { Step } from './tokenizerJson.ts';

/** What a byte-level class builds around the vocabulary and merges of a file. */
export interface ByteLevelClass {
  readonly normalizer: Step | null;
  readonly cutter: Step;
}

export const byteLevel = (cutsWords: boolean): Step => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: cutsWords,
});

const composed: Step = { type: 'NFC' };

/** The way of Qwen2: words, digits one by one, and punctuation with the line ends after it. */
const qwen2Pattern =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const qwen2Cutter: Step = {
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: qwen2Pattern }, behavior: 'Isolated', invert: false },
    byteLevel(false),
  ],
};

/** Classes of Transformers 5 that build their tokenizer anew, with `add_prefix_space` in its byte-level step. */
export const byteLevelClasses: Readonly<Record<string, ByteLevelClass>> = {
  GPT2Tokenizer: { normalizer: null, cutter: byteLevel(true) },
  GPTNeoXTokenizer: { normalizer: composed, cutter: byteLevel(true) },
  Qwen2Tokenizer: { normalizer: composed, cutter: qwen2Cutter },
};

/** The class of a family, where the configuration names none. */
const familyClasses: Readonly<Record<string, string>> = {
  gpt2: 'GPT2Tokenizer',
  gpt_neox: 'GPTNeoXTokenizer',
  qwen2: 'Qwen2Tokenizer',
  llama: 'LlamaTokenizer',
  bert: 'BertTokenizer',
};

/** The class that Transformers takes: the one that is named, or the one of the model's family. */
export function classOf(
  config: { readonly tokenizer_class?: string | null | undefined },
  modelType: string | undefined,
): string | undefined {
  const family = modelType === undefined ? undefined : familyClasses[modelType];
  // Transformers knows that many Qwen2 folders name a wrong class, and takes its own.
  if (modelType === 'qwen2') return family;
  return config.tokenizer_class?.replace(/Fast$/, '') ?? family;
}
