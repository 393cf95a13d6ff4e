// Writes the numbers, texts and entries of a GGUF file, little endian throughout.

const alignment = 32;
const types = { uint32: 4, float32: 6, string: 8 } as const;

/** Where the next tensor may begin. */
export const alignedTo = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** Grows by what is appended to it; little-endian throughout. */
export class GgufBytes {
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

  float32(value: number): this {
    return this.#number(4, (view) => view.setFloat32(0, value, true));
  }

  string(text: string): this {
    const encoded = new TextEncoder().encode(text);
    return this.uint64(encoded.length).bytes(encoded);
  }

  begin(tensors: number, entries: number): this {
    return this.bytes(new TextEncoder().encode('GGUF')).uint32(3).uint64(tensors).uint64(entries);
  }

  /** An entry of the metadata: a text, a whole number, or one that is given as a float32. */
  entry(name: string, value: string | number | { readonly float32: number }): this {
    this.string(name);
    if (typeof value === 'string') return this.uint32(types.string).string(value);
    if (typeof value === 'number') return this.uint32(types.uint32).uint32(value);
    return this.uint32(types.float32).float32(value.float32);
  }

  pad(): this {
    return this.bytes(new Uint8Array(alignedTo(this.length) - this.length));
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
