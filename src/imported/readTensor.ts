// A TensorProto: its type, its shape and the place of its numbers, checked against each other before anything is allocated.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { quoted } from '../messages/wording.ts';
import type { Weight, WeightPlace } from './onnxFile.ts';
import { placeField } from './sparseCopy.ts';
import { bytesPerElement, type ElementType, elementTypeOf, typeName } from './tensor.ts';
import {
  fieldsOf,
  integersOf,
  messageOf,
  numberOf,
  readVarint,
  textOf,
  type WireField,
} from './wireReader.ts';

const refuse = (name: string, problem: string): never => {
  throw new CheckpointError(`Weight ${quoted(name)} ${problem}.`);
};

/** Elements of a shape. @throws CheckpointError when there can be no such tensor */
function countOf(name: string, shape: readonly number[]): number {
  const count = shape.reduce((product, size) => product * size, 1);
  const isPossible = shape.every((size) => Number.isSafeInteger(size) && size >= 0) && count <= 2 ** 40;
  if (!isPossible) refuse(name, `has the impossible shape [${shape.slice(0, 8).join(', ')}]`);
  return count;
}

/** A path inside the folder of the file, with no way out of it. */
function requireInside(name: string, part: string): void {
  const steps = part.split(/[\\/]/);
  const leaves =
    part === '' || /^([A-Za-z]:|[\\/]|\w+:\/\/)/.test(part) || steps.includes('..') || part.includes('\0');
  if (leaves) refuse(name, `points outside the folder (${quoted(part)}); it is not followed`);
}

/** A whole number written in decimal, as external_data has them. */
function decimal(name: string, key: string, text: string | undefined, absent: number): number {
  if (text === undefined) return absent;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) refuse(name, `has the ${key} ${quoted(text)} in its external file`);
  return value;
}

function externalPlace(name: string, entries: ReadonlyMap<string, string>, bytes: number): WeightPlace {
  const part = entries.get('location');
  if (part === undefined) return refuse(name, 'lies in an external file without a name');
  requireInside(name, part);
  const offset = decimal(name, 'offset', entries.get('offset'), 0);
  const length = decimal(name, 'length', entries.get('length'), bytes);
  if (length !== bytes) refuse(name, `needs ${bytes} bytes and has a length of ${length} in ${quoted(part)}`);
  return { kind: 'part', part: part.replace(/^\.\//, ''), offset, length };
}

/** Numbers that stand one by one in the file, as bytes. */
function packed(dtype: ElementType, values: readonly bigint[]): Uint8Array {
  const width = bytesPerElement(dtype);
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) {
    const at = index * width;
    if (width === 8) view.setBigUint64(at, BigInt.asUintN(64, value), true);
    else if (width === 4) view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
    else if (width === 2) view.setUint16(at, Number(BigInt.asUintN(16, value)), true);
    else view.setUint8(at, Number(BigInt.asUintN(8, value)));
  }
  return bytes;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

interface Parts {
  name: string;
  code: number;
  isExternal: boolean;
  readonly dims: number[];
  /** Numbers as bytes: raw, or floats one by one. */
  readonly bytes: Uint8Array[];
  /** Numbers of the integer fields. */
  readonly integers: bigint[];
  readonly external: Map<string, string>;
  moved: { readonly offset: number; readonly length: number } | undefined;
}

function readEntry(bytes: Uint8Array): readonly [string, string] {
  let key = '';
  let value = '';
  for (const field of fieldsOf(bytes)) {
    if (field.id === 1) key = textOf(field);
    else if (field.id === 2) value = textOf(field);
  }
  return [key, value];
}

function readMoved(bytes: Uint8Array): { readonly offset: number; readonly length: number } {
  const [, second] = readVarint(bytes, 0);
  const [offset, third] = readVarint(bytes, second);
  const [length] = readVarint(bytes, third);
  return { offset: Number(offset), length: Number(length) };
}

function take(parts: Parts, field: WireField): void {
  switch (field.id) {
    case 1:
      for (const size of integersOf(field)) parts.dims.push(Number(size));
      return;
    case 2:
      parts.code = numberOf(field);
      return;
    case 3:
      refuse(parts.name, 'is one segment of a larger one, which no runtime reads');
      return;
    case 4:
    case 10:
      if (field.kind !== 'varint') parts.bytes.push(field.bytes);
      return;
    case 5:
    case 7:
    case 11:
      for (const value of integersOf(field)) parts.integers.push(value);
      return;
    case 8:
      parts.name = textOf(field);
      return;
    case 9:
      parts.bytes.push(messageOf(field));
      return;
    case 13:
      parts.external.set(...readEntry(messageOf(field)));
      return;
    case 14:
      parts.isExternal = numberOf(field) === 1;
      return;
    case placeField:
      parts.moved = readMoved(messageOf(field));
      return;
    default:
  }
}

/**
 * @param owner what the tensor belongs to, where it has no name of its own
 * @throws CheckpointError when shape, type and bytes contradict each other, or the type is not computed with
 */
export function readTensor(
  bytes: Uint8Array,
  owner: string,
): { readonly name: string; readonly weight: Weight } {
  const parts: Parts = {
    name: owner,
    code: 0,
    isExternal: false,
    dims: [],
    bytes: [],
    integers: [],
    external: new Map(),
    moved: undefined,
  };
  for (const field of fieldsOf(bytes)) take(parts, field);
  const { name, dims } = parts;
  const dtype = elementTypeOf(parts.code);
  if (dtype === undefined)
    return refuse(name, `has the element type ${typeName(parts.code)}, which is not computed with here`);
  const needed = countOf(name, dims) * bytesPerElement(dtype);
  const place = ((): WeightPlace => {
    if (parts.isExternal) return externalPlace(name, parts.external, needed);
    if (parts.moved) return { kind: 'file', ...parts.moved };
    const data = parts.integers.length > 0 ? packed(dtype, parts.integers) : concatenated(parts.bytes);
    return { kind: 'memory', bytes: data };
  })();
  const held = place.kind === 'memory' ? place.bytes.length : place.length;
  if (held !== needed)
    refuse(name, `has ${held} bytes; ${dtype} [${dims.slice(0, 8).join(', ')}] has ${needed}`);
  return { name, weight: { dtype, shape: dims, place } };
}
