// Reads options from a configuration in the words of Hugging Face's config.json. Every option that a family's class in
// transformers knows and that changes the forward pass is honoured or refused by name; a missing or ill-typed one is an
// error. A name that the class does not know is passed over, as transformers passes it over.

import type { ModelConfiguration } from '../checkpoint/checkpoint.ts';
import { UnsupportedModelError } from './architecture.ts';

/** A value as it stands in a message: a long one only as it begins. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

/** GPT-2's words for what others call otherwise. */
const gpt2Words = {
  hidden_size: 'n_embd',
  max_position_embeddings: 'n_positions',
  num_attention_heads: 'n_head',
  num_hidden_layers: 'n_layer',
};

/**
 * By model type, other words that its class in transformers takes for its own (`attribute_map`). Where both stand, what the
 * other word says is set last, and is what holds.
 */
const otherWords: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bloom: { num_attention_heads: 'n_head', num_hidden_layers: 'n_layer' },
  distilbert: { hidden_size: 'dim', num_attention_heads: 'n_heads', num_hidden_layers: 'n_layers' },
  gpt2: gpt2Words,
  gpt_bigcode: gpt2Words,
  gpt_neo: { num_attention_heads: 'num_heads', num_hidden_layers: 'num_layers' },
  gptj: gpt2Words,
  mixtral: { num_experts: 'num_local_experts' },
  t5: {
    head_dim: 'd_kv',
    hidden_size: 'd_model',
    num_attention_heads: 'num_heads',
    num_hidden_layers: 'num_layers',
  },
  whisper: {
    hidden_size: 'd_model',
    num_attention_heads: 'encoder_attention_heads',
    num_hidden_layers: 'encoder_layers',
  },
};

/** The configuration in the words of its own class. */
function inOwnWords(config: ModelConfiguration, modelType: string): ModelConfiguration {
  const words = Object.entries((Object.hasOwn(otherWords, modelType) && otherWords[modelType]) || {});
  const meant = words.flatMap(([other, own]) => (config[other] === undefined ? [] : [[own, config[other]]]));
  return meant.length === 0 ? config : { ...config, ...Object.fromEntries(meant) };
}

export class ConfigurationReader {
  readonly config: ModelConfiguration;
  readonly modelType: string;

  constructor(config: ModelConfiguration) {
    const type = config.model_type;
    if (typeof type !== 'string') {
      throw new UnsupportedModelError("config.json has no 'model_type', so the architecture is not known.");
    }
    this.modelType = type;
    this.config = inOwnWords(config, type);
  }

  #fail(name: string, expected: string): never {
    const found = this.config[name] === undefined ? 'it is missing' : `it is ${show(this.config[name])}`;
    throw new UnsupportedModelError(
      `config.json of this ${this.modelType} model needs '${name}' to be ${expected}; ${found}.`,
    );
  }

  /** True when the option is there and not null. */
  has(name: string): boolean {
    return this.config[name] !== undefined && this.config[name] !== null;
  }

  /** A positive whole number no larger than `most`. */
  size(name: string, fallback?: number, most = 2 ** 31): number {
    const value = this.has(name) ? this.config[name] : fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0 || value > most) {
      this.#fail(name, `a whole number from 1 to ${most}`);
    }
    return value;
  }

  /** Layers are listed one by one, so an absurd count is refused before anything is made of it. */
  layerCount(name: string): number {
    return this.size(name, undefined, 4096);
  }

  /** A finite number no smaller than `least`. */
  number(name: string, fallback?: number, least = Number.NEGATIVE_INFINITY): number {
    const value = this.has(name) ? this.config[name] : fallback;
    if (typeof value !== 'number' || !Number.isFinite(value) || value < least) {
      this.#fail(name, Number.isFinite(least) ? `a number from ${least} on` : 'a number');
    }
    return value;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.has(name) ? this.config[name] : fallback;
    if (typeof value !== 'boolean') this.#fail(name, 'true or false');
    return value;
  }

  text(name: string, fallback?: string): string {
    const value = this.has(name) ? this.config[name] : fallback;
    if (typeof value !== 'string') this.#fail(name, 'a string');
    return value;
  }

  /** A nested object, or undefined when absent. */
  section(name: string): ModelConfiguration | undefined {
    if (!this.has(name)) return undefined;
    const value = this.config[name];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.#fail(name, 'an object');
    return value as ModelConfiguration; // An object of unknown members is what the type says.
  }

  /** Refuse a model whose option is not `harmless`. `why` completes "…, which Patchbay's gpt2 does not do". */
  refuseUnless(name: string, harmless: readonly unknown[], instead: string): void {
    if (!this.has(name) || harmless.includes(this.config[name])) return;
    throw new UnsupportedModelError(
      `config.json sets '${name}' to ${show(this.config[name])}, which Patchbay does not support for ${this.modelType} models; ${instead}`,
    );
  }

  /** A list of whole numbers from 0 on. */
  wholeNumbers(name: string, fallback: readonly number[]): readonly number[] {
    const value = this.has(name) ? this.config[name] : fallback;
    const isWhole = (entry: unknown): entry is number =>
      typeof entry === 'number' && Number.isInteger(entry) && entry >= 0;
    if (!Array.isArray(value) || !value.every(isWhole)) this.#fail(name, 'a list of whole numbers');
    return value;
  }

  /** @throws UnsupportedModelError when `whole` is not a multiple of `parts` */
  divide(whole: number, parts: number, what: string): number {
    if (whole % parts !== 0) {
      throw new UnsupportedModelError(
        `config.json of this ${this.modelType} model: ${what} (${whole} by ${parts}) leaves a remainder.`,
      );
    }
    return whole / parts;
  }
}
