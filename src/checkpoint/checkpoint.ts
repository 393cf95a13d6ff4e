// What the floors above know of a model's files: a configuration, tensor names with dtype and shape, and a way to
// read one tensor. Whatever the format and wherever the bytes are, no file is ever whole in memory.

/** How a tensor is stored. The names are those of safetensors and of GGUF, upper case. */
export type StorageDtype =
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'F64'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'F8_E4M3FNUZ'
  | 'F8_E5M2FNUZ'
  | 'Q8_0'
  | 'Q4_0'
  | 'Q4_1'
  | 'Q5_0'
  | 'Q5_1'
  | 'Q4_K'
  | 'Q5_K'
  | 'Q6_K';

export interface TensorInfo {
  /** The name that Hugging Face's `transformers` gives the tensor, whatever the file calls it. */
  readonly name: string;
  readonly dtype: StorageDtype;
  /** Row-major, outermost dimension first, as in PyTorch. */
  readonly shape: readonly number[];
  /** Bytes in storage. */
  readonly sizeBytes: number;
}

/** A model's configuration in the words of Hugging Face's `config.json`. */
export type ModelConfiguration = Readonly<Record<string, unknown>>;

export interface Checkpoint {
  /** What a person calls it: a folder's or file's name, or a Hub id with its revision. */
  readonly label: string;
  readonly config: ModelConfiguration;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Tensors that are there and cannot be read, with their dtype: whole numbers, as a rule. */
  readonly unreadable?: ReadonlyMap<string, string>;
  /** What a person should know of the files; absent when there is nothing. */
  readonly notices?: readonly string[];
  /**
   * The bytes of one tensor as stored (see `expand` for float32), rows in the order of `transformers`.
   * @throws UnknownTensorError when there is no such tensor; the message suggests the nearest names
   * @throws CheckpointError when the source ends early or cannot be read
   */
  read(name: string, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * Tells these weights from others under the same name, without reading all of them; absent where nothing can be said.
   * @throws CheckpointError when the source cannot be read
   */
  fingerprint?(signal?: AbortSignal): Promise<string>;
  /** The tokenizer that the files bring, or a CheckpointError that says which file is missing. */
  tokenizer(signal?: AbortSignal): Promise<Tokenizer>;
  /** What the files say of generating text; absent where nothing could. @throws CheckpointError when one is damaged */
  generationFiles?(signal?: AbortSignal): Promise<GenerationFiles>;
  /**
   * In the words of preprocessor_config.json: how a picture or a sound becomes numbers; undefined where nothing says so.
   * @throws CheckpointError when it is damaged
   */
  preprocessor?(signal?: AbortSignal): Promise<ModelConfiguration | undefined>;
  /** Release file handles. Reading afterwards throws. */
  close(): Promise<void>;
}

/** What a model's files say of generating text. */
export interface GenerationFiles {
  /** In the words of generation_config.json; empty where there is none. */
  readonly generationConfig: ModelConfiguration;
  /** Jinja templates of chats by name, the usual one `default`. */
  readonly chatTemplates: ReadonlyMap<string, string>;
  /** `bos_token`, `eos_token` and the like, as text. */
  readonly specialTokens: Readonly<Record<string, string>>;
}

/** From the first UTF-16 unit of a part of a text to the one after its last. */
export type TextRange = readonly [number, number];

/** Text to token ids and back. */
export interface Tokenizer {
  readonly vocabularySize: number;
  /**
   * @param addSpecialTokens whether the tokenizer's own template (a beginning-of-sequence token, say) is applied; default true
   */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): readonly number[];
  /**
   * [tokens of `encode(text)`] where each token stands in the text, the space before a word belonging to the word; null
   * for a token that stands for none of it: a special one, whether the template put it there or a person wrote it.
   */
  places(text: string): readonly (TextRange | null)[];
  /** What to say where versions of Hugging Face's library make other tokens of a text; undefined where they agree. */
  noticeOf?(text: string): string | undefined;
  /** The text of some tokens, special ones included. A row of the model that has no token has no text. */
  decode(ids: readonly number[]): string;
  /**
   * The text of one token as it stands in a sentence, leading space included; bytes that are not text alone as `<0xE2>`, and
   * a row of the model that has no token as `#99`.
   */
  tokenText(id: number): string;
  /** True for tokens such as `<s>` that stand for no text. */
  isSpecial(id: number): boolean;
  /** The token that stands where a masked model predicts (`[MASK]`, `<mask>`); absent where there is none. */
  readonly maskId?: number;
}

/** The files are not what they should be, or cannot be read. The message names the file, the problem and the remedy. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

/** A tensor was asked for that the checkpoint does not hold. */
export class UnknownTensorError extends CheckpointError {}
