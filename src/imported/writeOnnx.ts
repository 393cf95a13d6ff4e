// ONNX files, written: attributes byte for byte as they were read, weights inline, names as asked for. Metadata and
// documentation are not written, because exporters put file paths and stack traces of their machines into them.

import protobuf from 'protobufjs/minimal.js';
import type { Attribute, OnnxGraph, OnnxNode, Weight } from './onnxFile.ts';
import { bytesOf, codeOf, type ElementType, type Tensor } from './tensor.ts';
import { fieldsOf } from './wireReader.ts';

/** An input or output of a graph to be written; without a shape where only the name is known. */
export interface WrittenValue {
  readonly name: string;
  readonly dtype?: ElementType | undefined;
  readonly shape?: readonly (number | string | undefined)[] | undefined;
}

/** What is to be written. */
export interface WrittenModel {
  readonly irVersion: number;
  readonly opsets: ReadonlyMap<string, number>;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly WrittenValue[];
  readonly outputs: readonly WrittenValue[];
  readonly weights: ReadonlyMap<string, Tensor>;
}

const text = (writer: protobuf.Writer, id: number, value: string): void => {
  if (value !== '') writer.uint32(id * 8 + 2).string(value);
};

function nested(writer: protobuf.Writer, id: number, write: () => void): void {
  writer.uint32(id * 8 + 2).fork();
  write();
  writer.ldelim();
}

function writeValue(writer: protobuf.Writer, id: number, { name, dtype, shape }: WrittenValue): void {
  nested(writer, id, () => {
    text(writer, 1, name);
    if (dtype === undefined) return;
    nested(writer, 2, () =>
      nested(writer, 1, () => {
        writer.uint32(8).int32(codeOf(dtype));
        if (!shape) return;
        nested(writer, 2, () => {
          for (const size of shape) {
            nested(writer, 1, () => {
              if (typeof size === 'number') writer.uint32(8).int64(size);
              else if (size !== undefined) text(writer, 2, size);
            });
          }
        });
      }),
    );
  });
}

function writeTensor(writer: protobuf.Writer, id: number, name: string, tensor: Tensor): void {
  nested(writer, id, () => {
    for (const size of tensor.shape) writer.uint32(8).int64(size);
    writer.uint32(16).int32(codeOf(tensor.dtype));
    text(writer, 8, name);
    writer.uint32(74).bytes(bytesOf(tensor));
  });
}

function writeGraph(writer: protobuf.Writer, graph: OnnxGraph, weightOf: WeightOf): void {
  for (const node of graph.nodes) writeNode(writer, node, weightOf);
  text(writer, 2, graph.name || 'body');
  for (const [name, weight] of graph.weights) writeTensor(writer, 5, name, weightOf(weight));
  for (const value of graph.inputs) writeValue(writer, 11, value);
  for (const value of graph.outputs) writeValue(writer, 12, value);
}

/** Numbers of a weight within a subgraph or an attribute, which were read before. */
export type WeightOf = (weight: Weight) => Tensor;

const typeField = 20;
const graphType = 5;
const graphsType = 10;

function writeAttribute(writer: protobuf.Writer, attribute: Attribute, weightOf: WeightOf): void {
  if (attribute.graphs.length === 0 && !attribute.tensor) {
    writer.uint32(42).bytes(attribute.bytes);
    return;
  }
  nested(writer, 5, () => {
    text(writer, 1, attribute.name);
    if (attribute.tensor) {
      writeTensor(writer, 5, '', weightOf(attribute.tensor));
      writer.uint32(typeField * 8).int32(4);
      return;
    }
    const isList = [...fieldsOf(attribute.bytes)].some(({ id }) => id === 11);
    for (const graph of attribute.graphs)
      nested(writer, isList ? 11 : 6, () => writeGraph(writer, graph, weightOf));
    writer.uint32(typeField * 8).int32(isList ? graphsType : graphType);
  });
}

function writeNode(writer: protobuf.Writer, node: OnnxNode, weightOf: WeightOf): void {
  nested(writer, 1, () => {
    for (const name of node.inputs) writer.uint32(10).string(name);
    for (const name of node.outputs) writer.uint32(18).string(name);
    text(writer, 3, node.name);
    text(writer, 4, node.op);
    for (const attribute of node.attributes.values()) writeAttribute(writer, attribute, weightOf);
    text(writer, 7, node.domain);
  });
}

/** The oldest version in which a weight need not be an input as well. */
const oldestIrVersion = 4;

/** @param weightOf for weights within subgraphs */
export function writeOnnx(model: WrittenModel, weightOf: WeightOf): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(8).int64(Math.max(oldestIrVersion, model.irVersion));
  text(writer, 2, 'patchbay');
  nested(writer, 7, () => {
    for (const node of model.nodes) writeNode(writer, node, weightOf);
    text(writer, 2, 'graph');
    for (const [name, tensor] of model.weights) writeTensor(writer, 5, name, tensor);
    for (const value of model.inputs) writeValue(writer, 11, value);
    for (const value of model.outputs) writeValue(writer, 12, value);
  });
  for (const [domain, version] of model.opsets) {
    nested(writer, 8, () => {
      text(writer, 1, domain);
      writer.uint32(16).int64(version);
    });
  }
  return writer.finish();
}
