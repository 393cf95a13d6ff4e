// A formula of the engine (a fragment of src/onnx) as nodes of a file. A file says which version of each operator it means,
// and the engine writes the newest; so only operators that have meant the same since opset 13 can be put in.

import protobuf from 'protobufjs/minimal.js';
import { graph } from '../onnx/graph.ts';
import { type AttributeValue, type ConstantData, input, type Shape, type Value } from '../onnx/value.ts';
import type { Attribute, OnnxNode } from './onnxFile.ts';
import { SiteError } from './plan.ts';
import { codeOf, type ElementType, type Tensor } from './tensor.ts';

const unchanged = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Abs', 'Sqrt', 'Exp', 'Log', 'Tanh', 'Sigmoid', 'Erf', 'Reciprocal'],
  ...[
    'Relu',
    'Sin',
    'Cos',
    'Pow',
    'Where',
    'MatMul',
    'Transpose',
    'Identity',
    'Gather',
    'Concat',
    'Unsqueeze',
  ],
  ...[
    'Squeeze',
    'Expand',
    'Less',
    'Greater',
    'Equal',
    'Not',
    'And',
    'Max',
    'Min',
    'Softmax',
    'Slice',
    'Gemm',
  ],
]);

export const plainNode = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly Attribute[] = [],
): OnnxNode => ({
  op,
  domain: '',
  name: '',
  inputs,
  outputs: [output],
  attributes: new Map(attributes.map((attribute) => [attribute.name, attribute])),
  scopes: [],
});

/** An attribute as its bytes. */
export function writtenAttribute(name: string, value: AttributeValue): Attribute {
  const writer = protobuf.Writer.create();
  writer.uint32(10).string(name);
  if (typeof value === 'number') writer.uint32(24).int64(value).uint32(160).int32(2);
  else if (typeof value === 'string') writer.uint32(34).string(value).uint32(160).int32(3);
  else if ('float' in value) writer.uint32(21).float(value.float).uint32(160).int32(1);
  else if ('body' in value) throw new Error(`The formula of an edit holds a loop ('${name}').`);
  else {
    for (const each of value) writer.uint32(64).int64(each);
    writer.uint32(160).int32(7);
  }
  return { name, bytes: writer.finish(), graphs: [], tensor: undefined, reference: undefined };
}

const constantTensor = (value: Value, data: ConstantData): Tensor => {
  const shape = value.shape.map(Number);
  return { dtype: value.dtype, shape, data };
};

export interface FormulaPlace {
  /** The tensor as it was computed. */
  readonly raw: string;
  /** The name under which the result stands. */
  readonly tensor: string;
  readonly dtype: ElementType;
  readonly shape: Shape;
  /** In front of all names that are made. */
  readonly prefix: string;
}

export interface FormulaNodes {
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, Tensor>;
}

/** @throws SiteError naming the operator that differs between versions */
export function formulaNodes(
  build: (base: Value) => Value,
  { raw, tensor, dtype, shape, prefix }: FormulaPlace,
): FormulaNodes {
  const isCast = dtype !== 'float32';
  const base = input('base', 'float32', shape);
  const made = graph({ result: build(base) });
  const [result] = made.outputs.values();
  const names = new Map<Value, string>();
  const constants = new Map<string, Tensor>();
  const from = isCast ? `${prefix}::base` : raw;
  const to = isCast ? `${prefix}::result` : tensor;
  const nameOf = (value: Value): string => {
    if (value.origin.kind === 'input') return from;
    const known = names.get(value);
    if (known !== undefined) return known;
    const given = value === result ? to : `${prefix}::v${names.size}`;
    names.set(value, given);
    if (value.origin.kind === 'constant') constants.set(given, constantTensor(value, value.origin.data));
    return given;
  };
  const nodes = made.operations.map(({ op, inputs, outputs, attributes }): OnnxNode => {
    if (!unchanged.has(op))
      throw new SiteError(
        `A formula with ${op} cannot be put into a file: its meaning differs between versions.`,
      );
    return {
      ...plainNode(op, inputs.map(nameOf), ''),
      outputs: outputs.map(nameOf),
      attributes: new Map(
        Object.entries(attributes).map(([key, value]) => [key, writtenAttribute(key, value)]),
      ),
    };
  });
  if (!isCast) return { nodes, constants };
  const cast = (source: string, output: string, type: ElementType): OnnxNode =>
    plainNode('Cast', [source], output, [writtenAttribute('to', codeOf(type))]);
  return { nodes: [cast(raw, from, 'float32'), ...nodes, cast(to, tensor, dtype)], constants };
}
