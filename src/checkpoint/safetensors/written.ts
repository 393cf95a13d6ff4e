// Writes a safetensors file: a header of JSON and the tensors behind it, as every reader of the format takes it.

export interface WrittenTensor {
  readonly shape: readonly number[];
  /** Row-major float32. */
  readonly data: Float32Array;
}

/** Bytes of the header are a multiple of this, so that what follows is aligned. */
const alignment = 8;

/** @throws RangeError for a tensor whose shape does not hold its numbers */
export function safetensorsBytes(tensors: ReadonlyMap<string, WrittenTensor>): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries = [...tensors].map(([name, { shape, data }]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    if (count !== data.length)
      throw new RangeError(
        `The tensor '${name}' has shape [${shape.join(', ')}] and ${data.length} numbers.`,
      );
    const begin = end;
    end += 4 * data.length;
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }] as const;
  });
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(json.length / alignment) * alignment;
  const bytes = new Uint8Array(8 + length + end);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, 8, 8 + length);
  bytes.set(json, 8);
  let at = 8 + length;
  for (const { data } of tensors.values()) {
    for (const value of data) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}
