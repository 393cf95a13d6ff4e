// The part of ONNX's protocol buffers that Patchbay writes and reads. Field numbers are those of the ONNX specification
// (onnx.proto, IR version 10).

import type { Schema } from './wire.ts';

export const onnxSchema: Schema = {
  ModelProto: {
    irVersion: { id: 1, type: 'int64' },
    producerName: { id: 2, type: 'string' },
    graph: { id: 7, type: 'GraphProto' },
    opsetImport: { id: 8, type: 'OperatorSetIdProto', isRepeated: true },
  },
  OperatorSetIdProto: { domain: { id: 1, type: 'string' }, version: { id: 2, type: 'int64' } },
  GraphProto: {
    node: { id: 1, type: 'NodeProto', isRepeated: true },
    name: { id: 2, type: 'string' },
    initializer: { id: 5, type: 'TensorProto', isRepeated: true },
    input: { id: 11, type: 'ValueInfoProto', isRepeated: true },
    output: { id: 12, type: 'ValueInfoProto', isRepeated: true },
    valueInfo: { id: 13, type: 'ValueInfoProto', isRepeated: true },
  },
  NodeProto: {
    input: { id: 1, type: 'string', isRepeated: true },
    output: { id: 2, type: 'string', isRepeated: true },
    name: { id: 3, type: 'string' },
    opType: { id: 4, type: 'string' },
    attribute: { id: 5, type: 'AttributeProto', isRepeated: true },
    domain: { id: 7, type: 'string' },
  },
  AttributeProto: {
    name: { id: 1, type: 'string' },
    f: { id: 2, type: 'float' },
    i: { id: 3, type: 'int64' },
    s: { id: 4, type: 'bytes' },
    g: { id: 6, type: 'GraphProto' },
    floats: { id: 7, type: 'float', isRepeated: true },
    ints: { id: 8, type: 'int64', isRepeated: true },
    type: { id: 20, type: 'int32' },
  },
  TensorProto: {
    dims: { id: 1, type: 'int64', isRepeated: true },
    dataType: { id: 2, type: 'int32' },
    name: { id: 8, type: 'string' },
    rawData: { id: 9, type: 'bytes' },
  },
  ValueInfoProto: { name: { id: 1, type: 'string' }, type: { id: 2, type: 'TypeProto' } },
  TypeProto: { tensorType: { id: 1, type: 'TensorTypeProto' } },
  TensorTypeProto: { elemType: { id: 1, type: 'int32' }, shape: { id: 2, type: 'TensorShapeProto' } },
  TensorShapeProto: { dim: { id: 1, type: 'DimensionProto', isRepeated: true } },
  DimensionProto: { dimValue: { id: 1, type: 'int64' }, dimParam: { id: 2, type: 'string' } },
};

/** ONNX's numbers for element types. */
export const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10 } as const;

/** ONNX's numbers for attribute types. */
export const attributeTypes = { float: 1, int: 2, string: 3, graph: 5, floats: 6, ints: 7 } as const;
