// Typed access to the metadata of a GGUF file: each accessor says which entry is missing or of the wrong type.

import { quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import type { GgufHeader, MetadataValue } from './ggufHeader.ts';

/** No layer count, width or vocabulary comes near this. */
const largestCount = 1 << 30;

export class GgufMetadata {
  readonly label: string;
  /** The family that `general.architecture` names; its own entries begin with it. */
  readonly architecture: string;
  readonly #values: ReadonlyMap<string, MetadataValue>;

  /** @throws CheckpointError when `general.architecture` is missing */
  constructor(label: string, header: GgufHeader) {
    this.label = label;
    this.#values = header.metadata;
    this.architecture = this.string('general.architecture');
  }

  /** The entry `KEY` of the family, `llama.block_count` for instance. */
  own(key: string): string {
    return `${this.architecture}.${key}`;
  }

  /** The family's own entries, without its name in front. */
  *ownEntries(): Iterable<readonly [string, MetadataValue]> {
    const prefix = this.own('');
    for (const [key, value] of this.#values)
      if (key.startsWith(prefix)) yield [key.slice(prefix.length), value];
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  string(key: string): string {
    return this.optionalString(key) ?? this.#missing(key);
  }

  optionalString(key: string): string | undefined {
    const value = this.#values.get(key);
    return value === undefined || typeof value === 'string' ? value : this.#wrong(key, 'a string');
  }

  /** A whole number from 1 on. */
  count(key: string): number {
    return this.optionalCount(key) ?? this.#missing(key);
  }

  optionalCount(key: string): number | undefined {
    const value = this.optionalNumber(key);
    if (value === undefined) return undefined;
    return Number.isInteger(value) && value > 0 && value <= largestCount
      ? value
      : this.#wrong(key, 'a whole number from 1 on');
  }

  /** A token id: a whole number from 0 on. */
  optionalId(key: string): number | undefined {
    const value = this.optionalNumber(key);
    if (value === undefined) return undefined;
    return Number.isInteger(value) && value >= 0 && value <= largestCount
      ? value
      : this.#wrong(key, 'a token id');
  }

  number(key: string): number {
    return this.optionalNumber(key) ?? this.#missing(key);
  }

  optionalNumber(key: string): number | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    return typeof value === 'number' && Number.isFinite(value) ? value : this.#wrong(key, 'one number');
  }

  optionalBoolean(key: string): boolean | undefined {
    const value = this.#values.get(key);
    return value === undefined || typeof value === 'boolean' ? value : this.#wrong(key, 'true or false');
  }

  optionalStrings(key: string): readonly string[] | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    const strings: string[] = [];
    for (const item of Array.isArray(value) ? value : [undefined]) {
      if (typeof item !== 'string') return this.#wrong(key, 'a list of strings');
      strings.push(item);
    }
    return strings;
  }

  optionalNumbers(key: string): readonly number[] | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    const numbers: number[] = [];
    for (const item of Array.isArray(value) ? value : [undefined]) {
      if (typeof item !== 'number') return this.#wrong(key, 'a list of numbers');
      numbers.push(item);
    }
    return numbers;
  }

  #missing(key: string): never {
    throw new CheckpointError(
      `The metadata entry ${quoted(key)} is missing in ${quoted(this.label)}. Convert the model anew with a current converter.`,
    );
  }

  #wrong(key: string, expected: string): never {
    throw new CheckpointError(
      `The metadata entry ${quoted(key)} in ${quoted(this.label)} is not ${expected}. Convert the model anew with a current converter.`,
    );
  }
}
