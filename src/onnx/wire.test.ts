// The walk over a schema, against protobufjs's own, which evaluates code and so cannot run in the page.

import protobuf from 'protobufjs/light.js';
import { expect, test } from 'vitest';
import { decodeModel, encodeModel } from './codec.ts';
import { add, mul } from './elementwise.ts';
import { graph } from './graph.ts';
import { onnxSchema } from './protobuf.ts';
import { constant, input } from './value.ts';
import { decodeMessage, encodeMessage } from './wire.ts';

/** @param packed how lists of numbers are written */
function reflected(packed: boolean): protobuf.Type {
  const nested = Object.fromEntries(
    Object.entries(onnxSchema).map(([name, fields]) => [
      name,
      {
        fields: Object.fromEntries(
          Object.entries(fields).map(([key, { id, type, isRepeated }]) => [
            key,
            { id, type, ...(isRepeated ? { rule: 'repeated', options: { packed } } : {}) },
          ]),
        ),
      },
    ]),
  );
  return protobuf.Root.fromJSON({ nested }).lookupType('ModelProto');
}

const model = {
  irVersion: 10,
  producerName: 'Ünïcode 🙂',
  opsetImport: [{ domain: '', version: 23 }],
  graph: {
    node: [
      {
        opType: 'Some',
        input: ['a', '', 'b'],
        output: ['c'],
        attribute: [
          { name: 'f', type: 1, f: -0.5 },
          { name: 'i', type: 2, i: -(2 ** 52) },
          { name: 's', type: 3, s: Uint8Array.of(0, 255, 7) },
          { name: 'many', type: 7, ints: [0, 1, -1, 2 ** 40], floats: [0.25, -3] },
        ],
      },
    ],
    initializer: [{ name: 'b', dims: [2, 0], dataType: 1, rawData: new Uint8Array(0) }],
  },
};

test('a message is written byte by byte as protobufjs writes it', () => {
  const type = reflected(false);
  const expected = type.encode(type.fromObject(model)).finish();
  expect([...encodeMessage(onnxSchema, 'ModelProto', model)]).toEqual([...expected]);
});

test('a message is read as protobufjs reads it, whichever way its lists are written', () => {
  for (const packed of [false, true]) {
    const type = reflected(packed);
    const bytes = type.encode(type.fromObject(model)).finish();
    // To JSON and back: protobufjs gives objects of its own classes.
    const plain = (value: unknown) =>
      JSON.parse(JSON.stringify(value, (_, each) => (each instanceof Uint8Array ? [...each] : each)));
    expect(plain(decodeMessage(onnxSchema, 'ModelProto', bytes))).toEqual(
      plain(type.toObject(type.decode(bytes), { longs: Number, arrays: true })),
    );
  }
});

test('fields of a later version are passed over, and a message that is cut off is refused', () => {
  const x = input('x', 'float32', [2]);
  const bytes = encodeModel(graph({ y: add(mul(x, x), constant(new Float32Array([1, 2]), [2])) }));
  // Field 100: a number, eight bytes, four bytes, and a text.
  const later = [0xa0, 6, 5, 0xa1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xa5, 6, 1, 2, 3, 4, 0xa2, 6, 1, 65];
  expect(encodeModel(decodeModel(Uint8Array.from([...bytes, ...later])))).toEqual(
    encodeModel(decodeModel(bytes)),
  );
  expect(() => decodeMessage(onnxSchema, 'ModelProto', bytes.subarray(0, bytes.length - 1))).toThrow();
});
