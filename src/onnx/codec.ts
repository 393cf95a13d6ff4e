// Graphs to ONNX files and back. Every intermediate value is described in the file, so that a decoded graph has the
// dtypes and shapes, named sizes included, of the graph that was encoded.

import { type Graph, graph } from './graph.ts';
import { attributeTypes, elementTypes, onnxSchema } from './protobuf.ts';
import {
  type AttributeValue,
  type Body,
  type ConstantData,
  checkedConstant,
  type Dtype,
  input as graphInput,
  type Operation,
  type Shape,
  ShapeError,
  type Value,
} from './value.ts';
import { decodeMessage, encodeMessage, type Message } from './wire.ts';

/** The operator set that graphs are written in: the first with RMSNormalization. */
const opset = 23;
const irVersion = 10;
/** onnxruntime's own operators: those that are in no operator set. */
const ownOperators = { domain: 'com.microsoft', version: 1, names: ['MatMulNBits'] } as const;
const isOwn = ({ op }: Operation): boolean => ownOperators.names.some((name) => name === op);

/** The file is not an ONNX model that Patchbay can read. */
export class OnnxFormatError extends Error {
  override readonly name = 'OnnxFormatError';
}

function encodeType(value: Value) {
  const dim = value.shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { tensorType: { elemType: elementTypes[value.dtype], shape: { dim } } };
}

/** @param path of names around it: a name may not stand both in a body and in the graph that holds it */
function encodeAttribute(name: string, value: AttributeValue, path: string): Message {
  if (typeof value === 'number') return { name, type: attributeTypes.int, i: value };
  if (typeof value === 'string')
    return { name, type: attributeTypes.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: attributeTypes.float, f: value.float };
  if ('body' in value) return { name, type: attributeTypes.graph, g: encodeBody(value.body, name, path) };
  return { name, type: attributeTypes.ints, ints: [...value] };
}

/** Inputs and outputs are told apart by their order alone. */
function encodeBody({ inputs, outputs }: Body, name: string, path: string): Message {
  const named = (values: readonly Value[], what: string) =>
    new Map(values.map((value, place) => [`${path}${what}${place}`, value]));
  const body = graph(Object.fromEntries(named(outputs, 'out')));
  return encodeGraph({ ...body, inputs: named(inputs, 'in') }, name, path);
}

const bytesOf = (data: ConstantData): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function encodeGraph(source: Graph, name: string, path: string): Message {
  const names = new Map<Value, string>();
  for (const [inputName, value] of source.inputs) names.set(value, inputName);
  for (const [outputName, value] of source.outputs) names.set(value, outputName);
  const initializer: object[] = [];
  const nameOf = (value: Value): string => {
    const known = names.get(value);
    if (known !== undefined) return known;
    const given = `${path}v${names.size}`;
    names.set(value, given);
    if (value.origin.kind === 'constant') {
      const { data } = value.origin;
      initializer.push({
        name: given,
        dims: value.shape,
        dataType: elementTypes[value.dtype],
        rawData: bytesOf(data),
      });
    }
    return given;
  };
  const node = source.operations.map((operation, place) => ({
    opType: operation.op,
    ...(isOwn(operation) ? { domain: ownOperators.domain } : {}),
    input: operation.inputs.map(nameOf),
    output: operation.outputs.map(nameOf),
    attribute: Object.entries(operation.attributes).map(([key, value]) =>
      encodeAttribute(key, value, `${path}${place}.`),
    ),
  }));
  const outputs = new Set(source.outputs.values());
  const intermediates = source.operations
    .flatMap((operation) => operation.outputs)
    .filter((value) => !outputs.has(value));
  const info = (value: Value) => ({ name: nameOf(value), type: encodeType(value) });
  return {
    name,
    node,
    initializer,
    input: [...source.inputs.values()].map(info),
    output: [...source.outputs.values()].map(info),
    valueInfo: intermediates.map(info),
  };
}

/** Encode a graph as an ONNX model file. */
export function encodeModel(source: Graph, name = 'patchbay'): Uint8Array {
  return encodeMessage(onnxSchema, 'ModelProto', {
    irVersion,
    producerName: 'patchbay',
    opsetImport: [
      { domain: '', version: opset },
      ...(source.operations.some(isOwn)
        ? [{ domain: ownOperators.domain, version: ownOperators.version }]
        : []),
    ],
    graph: encodeGraph(source, name, ''),
  });
}

interface DecodedInfo {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape?: { readonly dim?: readonly DecodedDimension[] };
    };
  };
}
interface DecodedDimension {
  readonly dimValue?: number;
  readonly dimParam?: string;
}
interface DecodedAttribute {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly ints?: readonly number[];
  readonly g?: DecodedGraph;
}
interface DecodedGraph {
  readonly node?: readonly {
    readonly opType: string;
    readonly input?: readonly string[];
    readonly output?: readonly string[];
    readonly attribute?: readonly DecodedAttribute[];
  }[];
  readonly initializer?: readonly {
    readonly name: string;
    readonly dims?: readonly number[];
    readonly dataType: number;
    readonly rawData?: Uint8Array;
  }[];
  readonly input?: readonly DecodedInfo[];
  readonly output?: readonly DecodedInfo[];
  readonly valueInfo?: readonly DecodedInfo[];
}

function decodeDtype(elementType: number, name: string): Dtype {
  const found = Object.entries(elementTypes).find(([, number]) => number === elementType);
  if (!found)
    throw new OnnxFormatError(
      `'${name}' has element type ${elementType}; known: ${Object.keys(elementTypes).join(', ')}.`,
    );
  return found[0] as Dtype; // The keys of elementTypes are the dtypes.
}

function decodeAttribute(attribute: DecodedAttribute): AttributeValue {
  switch (attribute.type) {
    case attributeTypes.int:
      return attribute.i ?? 0;
    case attributeTypes.float:
      return { float: attribute.f ?? 0 };
    case attributeTypes.string:
      return new TextDecoder().decode(attribute.s);
    case attributeTypes.ints:
      return attribute.ints ?? [];
    case attributeTypes.graph: {
      const { inputs, outputs } = decodeGraph(attribute.g ?? {});
      return { body: { inputs, outputs: outputs.map(([, value]) => value) } };
    }
    default:
      throw new OnnxFormatError(
        `Attribute '${attribute.name}' has type ${attribute.type}; known: int, float, string, ints, graph.`,
      );
  }
}

function decodeConstant(name: string, dtype: Dtype, shape: Shape, raw: Uint8Array): Value {
  const copy = new Uint8Array(raw).buffer; // A copy, aligned to any element.
  const bytesPerElement = { float32: 4, float16: 2, int32: 4, int64: 8, bool: 1, uint8: 1 }[dtype];
  if (copy.byteLength % bytesPerElement !== 0) {
    throw new OnnxFormatError(
      `Constant '${name}' has ${copy.byteLength} bytes, not a whole number of ${dtype} elements.`,
    );
  }
  switch (dtype) {
    case 'float32':
      return checkedConstant(dtype, new Float32Array(copy), shape);
    case 'float16':
      return checkedConstant(dtype, new Uint16Array(copy), shape);
    case 'int32':
      return checkedConstant(dtype, new Int32Array(copy), shape);
    case 'int64':
      return checkedConstant(dtype, new BigInt64Array(copy), shape);
    case 'bool':
    case 'uint8':
      return checkedConstant(dtype, new Uint8Array(copy), shape);
    default:
      return dtype satisfies never;
  }
}

/** The values of a graph: its inputs in their order, and its outputs with their names. */
interface DecodedValues {
  readonly inputs: readonly Value[];
  readonly outputs: readonly (readonly [string, Value])[];
}

function decodeGraph(body: DecodedGraph): DecodedValues {
  const types = new Map<string, { dtype: Dtype; shape: Shape }>();
  for (const info of [...(body.input ?? []), ...(body.output ?? []), ...(body.valueInfo ?? [])]) {
    const tensor = info.type?.tensorType;
    if (!tensor) throw new OnnxFormatError(`'${info.name}' is not a tensor.`);
    const shape = (tensor.shape?.dim ?? []).map((d) => (d.dimParam ? d.dimParam : (d.dimValue ?? 0)));
    types.set(info.name, { dtype: decodeDtype(tensor.elemType, info.name), shape });
  }
  const typeOf = (name: string) => {
    const type = types.get(name);
    if (!type) throw new OnnxFormatError(`'${name}' has no declared type and shape.`);
    return type;
  };
  const values = new Map<string, Value>();
  for (const { name, dims, dataType, rawData } of body.initializer ?? []) {
    values.set(
      name,
      decodeConstant(name, decodeDtype(dataType, name), dims ?? [], rawData ?? new Uint8Array()),
    );
  }
  for (const { name } of body.input ?? []) {
    const { dtype, shape } = typeOf(name);
    values.set(name, graphInput(name, dtype, shape));
  }
  const lookUp = (name: string): Value => {
    const value = values.get(name);
    if (!value) throw new OnnxFormatError(`'${name}' is used before anything computes it.`);
    return value;
  };
  for (const node of body.node ?? []) {
    const outputs: Value[] = [];
    const operation: Operation = {
      op: node.opType,
      inputs: (node.input ?? []).map(lookUp),
      attributes: Object.fromEntries((node.attribute ?? []).map((a) => [a.name, decodeAttribute(a)])),
      outputs,
    };
    (node.output ?? []).forEach((name, index) => {
      const value: Value = { ...typeOf(name), origin: { kind: 'operation', operation, index } };
      outputs.push(value);
      values.set(name, value);
    });
  }
  return {
    inputs: (body.input ?? []).map(({ name }) => lookUp(name)),
    outputs: (body.output ?? []).map(({ name }) => [name, lookUp(name)]),
  };
}

/**
 * Decode an ONNX model file written by `encodeModel`.
 * @throws OnnxFormatError when the bytes are no ONNX model, or use what Patchbay does not
 */
export function decodeModel(bytes: Uint8Array): Graph {
  let model: { readonly graph?: DecodedGraph };
  try {
    // The cast is to the schema of protobuf.ts, which `decode` has just enforced.
    model = decodeMessage(onnxSchema, 'ModelProto', bytes) as typeof model;
  } catch (error) {
    throw new OnnxFormatError(
      `The bytes are not an ONNX model: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (!model.graph) throw new OnnxFormatError('The ONNX model holds no graph.');
  const { outputs } = decodeGraph(model.graph);
  try {
    return graph(Object.fromEntries(outputs));
  } catch (error) {
    if (error instanceof ShapeError) throw new OnnxFormatError(error.message);
    throw error;
  }
}
