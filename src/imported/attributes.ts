// Values of attributes, read when they are asked for.

import type { Attribute, OnnxNode } from './onnxFile.ts';
import { fieldsOf, integersOf, textOf } from './wireReader.ts';

/** @returns undefined where the node has no such attribute */
export function integerOf(node: OnnxNode, name: string): number | undefined {
  const attribute = node.attributes.get(name);
  if (!attribute) return undefined;
  for (const field of fieldsOf(attribute.bytes)) {
    if (field.id === 3) for (const value of integersOf(field)) return Number(value);
  }
  return 0;
}

export function integersOfAttribute({ bytes }: Attribute): readonly bigint[] {
  return [...fieldsOf(bytes)].filter(({ id }) => id === 8).flatMap((field) => [...integersOf(field)]);
}

/** Floats of an attribute, one (field 2) or a list (field 7, packed or not), as their bytes. */
export function floatBytesOf({ bytes }: Attribute, id: 2 | 7): Uint8Array {
  const parts = [...fieldsOf(bytes)].flatMap((field) =>
    field.id === id && field.kind !== 'varint' ? [...field.bytes] : [],
  );
  return Uint8Array.from(parts);
}

/** What distinguishes two nodes of one operator: the bytes of their attributes. */
export const attributeKey = (node: OnnxNode): string =>
  [...node.attributes.values()]
    .map(({ name, bytes }) => `${name}:${bytes.length <= 4096 ? [...bytes].join('.') : bytes.length}`)
    .sort()
    .join(';');

/** @returns undefined where the node has no such attribute */
export function floatOf(node: OnnxNode, name: string): number | undefined {
  const attribute = node.attributes.get(name);
  if (!attribute) return undefined;
  const bytes = floatBytesOf(attribute, 2);
  return bytes.length < 4 ? 0 : new DataView(bytes.buffer).getFloat32(0, true);
}

/** @returns undefined where the node has no such attribute */
export function textOfAttribute(node: OnnxNode, name: string): string | undefined {
  const attribute = node.attributes.get(name);
  if (!attribute) return undefined;
  const field = [...fieldsOf(attribute.bytes)].find(({ id }) => id === 4);
  return field ? textOf(field) : '';
}
