// The wire format of protocol buffers, read field by field from bytes in memory. Unlike the codec of our own graphs this
// keeps whole numbers of 64 bits exact and hands out views, so that what is not understood can be kept as it is.

/** The bytes are not what the format says. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

export type WireField =
  | { readonly id: number; readonly kind: 'varint'; readonly value: bigint }
  | { readonly id: number; readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly id: number; readonly kind: 'fixed'; readonly bytes: Uint8Array };

/** A whole number of up to 64 bits without a sign, and the place after it. */
export function readVarint(bytes: Uint8Array, at: number): readonly [bigint, number] {
  let value = 0n;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) throw new WireError('it ends within a number');
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return [BigInt.asUintN(64, value), at + index + 1];
  }
  throw new WireError('a number has more than ten bytes');
}

/** The same as a number, for lengths and tags, which are short. */
function readShort(bytes: Uint8Array, at: number): readonly [number, number] {
  const byte = bytes[at];
  if (byte !== undefined && byte < 0x80) return [byte, at + 1];
  const [value, after] = readVarint(bytes, at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new WireError('a length is beyond all bounds');
  return [Number(value), after];
}

export interface FieldHead {
  readonly id: number;
  readonly wire: number;
  /** From the start of the field to its content. */
  readonly headBytes: number;
  /** Of the content; of a varint, its own length. */
  readonly length: number;
}

/**
 * The tag of the field at a place, and how long its content is.
 * @throws WireError when it is none
 */
export function readHead(bytes: Uint8Array, at: number): FieldHead {
  const [tag, content] = readShort(bytes, at);
  const id = Math.floor(tag / 8);
  const wire = tag % 8;
  if (id === 0) throw new WireError('a field has no number');
  switch (wire) {
    case 0:
      return { id, wire, headBytes: content - at, length: readVarint(bytes, content)[1] - content };
    case 1:
      return { id, wire, headBytes: content - at, length: 8 };
    case 2: {
      const [length, after] = readShort(bytes, content);
      return { id, wire, headBytes: after - at, length };
    }
    case 5:
      return { id, wire, headBytes: content - at, length: 4 };
    default:
      throw new WireError(`a field has the wire type ${wire}`);
  }
}

/** The fields of a message, in order. @throws WireError when they do not fill it exactly */
export function* fieldsOf(bytes: Uint8Array): Generator<WireField> {
  for (let at = 0; at < bytes.length; ) {
    const { id, wire, headBytes, length } = readHead(bytes, at);
    const start = at + headBytes;
    const end = start + length;
    if (end > bytes.length)
      throw new WireError(`a field of ${length} bytes does not fit into the ${bytes.length - start} left`);
    if (wire === 0) yield { id, kind: 'varint', value: readVarint(bytes, start)[0] };
    else yield { id, kind: wire === 2 ? 'bytes' : 'fixed', bytes: bytes.subarray(start, end) };
    at = end;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function textOf(field: WireField): string {
  if (field.kind !== 'bytes') throw new WireError(`field ${field.id} is no text`);
  try {
    return utf8.decode(field.bytes);
  } catch {
    throw new WireError(`field ${field.id} is not text in UTF-8`);
  }
}

export function messageOf(field: WireField): Uint8Array {
  if (field.kind !== 'bytes') throw new WireError(`field ${field.id} is no message`);
  return field.bytes;
}

/** A number with its sign that fits a double exactly. */
export function numberOf(field: WireField): number {
  if (field.kind !== 'varint') throw new WireError(`field ${field.id} is no whole number`);
  return Number(BigInt.asIntN(64, field.value));
}

/** Repeated whole numbers come one a field, or packed into one. */
export function* integersOf(field: WireField): Generator<bigint> {
  if (field.kind === 'varint') yield BigInt.asIntN(64, field.value);
  else if (field.kind === 'bytes') {
    for (let at = 0; at < field.bytes.length; ) {
      const [value, after] = readVarint(field.bytes, at);
      yield BigInt.asIntN(64, value);
      at = after;
    }
  } else throw new WireError(`field ${field.id} holds no whole numbers`);
}
