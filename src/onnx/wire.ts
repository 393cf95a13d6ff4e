// Messages of protocol buffers by a schema that is data. protobufjs has the format of the numbers and strings; its own
// reflection writes JavaScript and evaluates it, which a page with a strict policy forbids, so the walk over the fields is here.

import protobuf from 'protobufjs/minimal.js';

type Scalar = 'int32' | 'int64' | 'float' | 'string' | 'bytes';

export interface Field {
  /** The number of the field. */
  readonly id: number;
  /** A scalar, or the name of a message of the same schema. */
  readonly type: string;
  readonly isRepeated?: boolean;
}

/** The fields of every message, by their names. */
export type Schema = Readonly<Record<string, Readonly<Record<string, Field>>>>;

/** A message as plain data: absent fields are absent, repeated ones are lists, int64 are numbers. */
export type Message = Readonly<Record<string, unknown>>;

/** Numbers of the wire format: how the length of a field is found. */
const wireTypes: Readonly<Record<Scalar, number>> = { int32: 0, int64: 0, float: 5, string: 2, bytes: 2 };
const delimited = 2;

const isScalar = (type: string): type is Scalar => Object.hasOwn(wireTypes, type);
const wireTypeOf = (type: string): number => (isScalar(type) ? wireTypes[type] : delimited);

function fieldsOf(schema: Schema, name: string): readonly (readonly [string, Field])[] {
  const fields = schema[name];
  if (fields === undefined) throw new Error(`The schema has no message '${name}'.`);
  return Object.entries(fields).sort(([, a], [, b]) => a.id - b.id);
}

function writeScalar(writer: protobuf.Writer, type: Scalar, value: unknown): void {
  if (typeof value === 'number' && type !== 'string' && type !== 'bytes') writer[type](value);
  else if (typeof value === 'string' && type === 'string') writer.string(value);
  else if (value instanceof Uint8Array && type === 'bytes') writer.bytes(value);
  else throw new Error(`A field of type ${type} cannot hold ${JSON.stringify(value)}.`);
}

/** What an absent field means is not written. */
const isDefault = (value: unknown): boolean =>
  Object.is(value, 0) || value === '' || (value instanceof Uint8Array && value.length === 0);

function writeMessage(writer: protobuf.Writer, schema: Schema, name: string, message: Message): void {
  for (const [key, { id, type, isRepeated = false }] of fieldsOf(schema, name)) {
    const value = message[key];
    if (value === undefined || (!isRepeated && isDefault(value))) continue;
    for (const each of isRepeated && Array.isArray(value) ? value : [value]) {
      writer.uint32((id << 3) | wireTypeOf(type));
      if (isScalar(type)) writeScalar(writer, type, each);
      else {
        writer.fork();
        writeMessage(writer, schema, type, each);
        writer.ldelim();
      }
    }
  }
}

export function encodeMessage(schema: Schema, name: string, message: Message): Uint8Array {
  const writer = protobuf.Writer.create();
  writeMessage(writer, schema, name, message);
  return writer.finish();
}

function readScalar(reader: protobuf.Reader, type: Scalar): unknown {
  // A number of 64 bits is an object where protobufjs finds the library for it, else a number; both have the same digits.
  return type === 'int64' ? Number(reader.int64()) : reader[type]();
}

/** Repeated numbers may come one by one, or as one field that holds them all. */
function readPacked(reader: protobuf.Reader, type: Scalar): readonly unknown[] {
  const end = reader.uint32() + reader.pos;
  const values: unknown[] = [];
  while (reader.pos < end) values.push(readScalar(reader, type));
  return values;
}

function readMessage(reader: protobuf.Reader, schema: Schema, name: string, end: number): Message {
  const fields = new Map(fieldsOf(schema, name).map(([key, field]) => [field.id, { key, ...field }]));
  const message: Record<string, unknown> = {};
  const lists = new Map<string, unknown[]>();
  for (const { key, isRepeated } of fields.values()) {
    if (!isRepeated) continue;
    const list: unknown[] = [];
    lists.set(key, list);
    message[key] = list;
  }
  while (reader.pos < end) {
    const tag = reader.uint32();
    const wireType = tag & 7;
    const field = fields.get(tag >>> 3);
    const list = field && lists.get(field.key);
    if (field && wireType === wireTypeOf(field.type)) {
      const value = isScalar(field.type)
        ? readScalar(reader, field.type)
        : readMessage(reader, schema, field.type, reader.uint32() + reader.pos);
      if (list) list.push(value);
      else message[field.key] = value;
    } else if (field && list && wireType === delimited && isScalar(field.type)) {
      list.push(...readPacked(reader, field.type));
    } else reader.skipType(wireType);
  }
  if (reader.pos !== end) throw new RangeError(`a ${name} ends in the middle of a field`);
  return message;
}

/** @throws Error, of protobufjs or RangeError, when the bytes are no such message */
export function decodeMessage(schema: Schema, name: string, bytes: Uint8Array): Message {
  return readMessage(protobuf.Reader.create(bytes), schema, name, bytes.length);
}
