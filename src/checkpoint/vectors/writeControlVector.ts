// Writes llama.cpp's control vectors, as repeng does: `direction.N` for the output of block N.

import { CheckpointError } from '../checkpoint.ts';

const alignment = 32;
const types = { uint32: 4, string: 8 } as const;
const float32 = 0;

/** Grows by what is appended to it; little-endian throughout. */
class Bytes {
  readonly #parts: Uint8Array[] = [];
  length = 0;

  bytes(part: Uint8Array): this {
    this.#parts.push(part);
    this.length += part.length;
    return this;
  }

  #number(size: number, set: (view: DataView) => void): this {
    const view = new DataView(new ArrayBuffer(size));
    set(view);
    return this.bytes(new Uint8Array(view.buffer));
  }

  uint32(value: number): this {
    return this.#number(4, (view) => view.setUint32(0, value, true));
  }

  uint64(value: number): this {
    return this.#number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  string(text: string): this {
    const encoded = new TextEncoder().encode(text);
    return this.uint64(encoded.length).bytes(encoded);
  }

  pad(): this {
    return this.bytes(new Uint8Array((alignment - (this.length % alignment)) % alignment));
  }

  whole(): Uint8Array {
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

/**
 * @param directions by the block at whose output they are added, counted from 0
 * @param modelHint  the kind of model, `llama` for instance
 * @throws CheckpointError for block 0, where llama.cpp adds nothing, and directions of several widths
 */
export function writeControlVector(
  directions: ReadonlyMap<number, Float32Array>,
  modelHint: string,
): Uint8Array {
  const entries = [...directions].sort(([a], [b]) => a - b);
  const width = entries[0]?.[1].length ?? 0;
  if (width === 0) throw new CheckpointError('A control vector needs at least one direction.');
  if (entries.some(([, { length }]) => length !== width))
    throw new CheckpointError('The directions of a control vector must all have the width of the model.');
  if (directions.has(0))
    throw new CheckpointError(
      'llama.cpp adds nothing at the output of block 0, so a control vector cannot hold it. Choose another layer.',
    );
  const layerCount = entries.at(-1)?.[0] ?? 0;
  const bytes = new Bytes();
  bytes.bytes(new TextEncoder().encode('GGUF')).uint32(3).uint64(entries.length).uint64(3);
  bytes.string('general.architecture').uint32(types.string).string('controlvector');
  bytes.string('controlvector.model_hint').uint32(types.string).string(modelHint);
  bytes.string('controlvector.layer_count').uint32(types.uint32).uint32(layerCount);
  const stride = Math.ceil((4 * width) / alignment) * alignment;
  entries.forEach(([layer], index) => {
    bytes
      .string(`direction.${layer}`)
      .uint32(1)
      .uint64(width)
      .uint32(float32)
      .uint64(index * stride);
  });
  bytes.pad();
  for (const [, direction] of entries) {
    const view = new DataView(new ArrayBuffer(4 * width));
    direction.forEach((entry, at) => {
      view.setFloat32(4 * at, entry, true);
    });
    bytes.bytes(new Uint8Array(view.buffer)).pad();
  }
  return bytes.whole();
}
