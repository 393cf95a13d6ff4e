// What tells the weights of a folder from those that stood there before: a run that goes on from an earlier result must
// not mix the two. A server says by a version; on a disk the bytes are looked at, all of a small model and some of every
// tensor of a large one, because a model that is trained again or edited changes nearly all numbers of a tensor.

import type { ModelConfiguration } from './checkpoint.ts';
import type { ByteSource } from './sources/byteSource.ts';

/** A tensor's bytes in a file. */
export interface Span {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

const wholeBytes = 16 * 2 ** 20;
const sampleBytes = 4096;
const samplesOfTensor = 4;

/**
 * A running hash of 64 bits (FNV-1a in two lanes): told apart by chance only, and no protection against intent. Results state what
 * it gives for their weights, so that it stays as it is: the hash of `src/random` mixes better and would call them another model's.
 */
class Hash {
  #low = 0x811c9dc5;
  #high = 0x1000193;

  add(bytes: Uint8Array): void {
    let low = this.#low;
    let high = this.#high;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      low = Math.imul(low ^ byte, 0x01000193);
      high = Math.imul(high ^ (byte + i), 0x85ebca6b);
    }
    this.#low = low;
    this.#high = high ^ (low >>> 15);
  }

  addText(text: string): void {
    this.add(new TextEncoder().encode(`${text}\n`));
  }

  get hex(): string {
    const part = (lane: number) => (lane >>> 0).toString(16).padStart(8, '0');
    return part(this.#high) + part(this.#low);
  }
}

/** Ranges of a tensor that are looked at, its first and last bytes among them. */
function samplesOf({ offset, length }: Span, isWhole: boolean): readonly (readonly [number, number])[] {
  if (isWhole || length <= samplesOfTensor * sampleBytes) return [[offset, length]];
  const step = (length - sampleBytes) / (samplesOfTensor - 1);
  return Array.from({ length: samplesOfTensor }, (_, at) => [offset + Math.floor(at * step), sampleBytes]);
}

/**
 * A fingerprint of a configuration and the weights in some files: 16 hexadecimal digits.
 * @throws CheckpointError when a file cannot be read
 */
export async function fingerprintOf(
  config: ModelConfiguration,
  files: readonly { readonly source: ByteSource; readonly spans: readonly Span[] }[],
  signal?: AbortSignal,
): Promise<string> {
  const hash = new Hash();
  hash.addText(JSON.stringify(config));
  const total = files.reduce((sum, { source }) => sum + source.sizeBytes, 0);
  for (const { source, spans } of files) {
    hash.addText(`${source.sizeBytes} ${source.version ?? ''}`);
    for (const { name, offset, length } of spans) hash.addText(`${name} ${offset} ${length}`);
    // Its server answers for what it holds; many small reads of a server take long.
    if (source.version !== undefined || source.isRemote) continue;
    for (const span of spans) {
      for (const [at, length] of samplesOf(span, total <= wholeBytes))
        hash.add(await source.read(at, length, signal));
    }
  }
  return hash.hex;
}
