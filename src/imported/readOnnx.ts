// ONNX files, read without loss and without belief: field numbers are those of the ONNX specification (onnx.proto). What
// is not named here (documentation, metadata with file paths of the exporter's machine) is left behind.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { type ByteSource, refuseLfsPointer } from '../checkpoint/sources/byteSource.ts';
import { quoted } from '../messages/wording.ts';
import type {
  Attribute,
  DeclaredSize,
  OnnxFile,
  OnnxFunction,
  OnnxGraph,
  OnnxNode,
  ValueInfo,
  Weight,
} from './onnxFile.ts';
import { readTensor } from './readTensor.ts';
import { scopesOf } from './scopes.ts';
import { sparseCopy } from './sparseCopy.ts';
import { elementTypeOf, typeName } from './tensor.ts';
import { fieldsOf, messageOf, numberOf, textOf, WireError } from './wireReader.ts';

const deepestGraph = 16;

function readAttribute(bytes: Uint8Array, depth: number): Attribute {
  let name = '';
  let reference: string | undefined;
  let tensor: Weight | undefined;
  const graphs: OnnxGraph[] = [];
  for (const field of fieldsOf(bytes)) {
    if (field.id === 1) name = textOf(field);
    else if (field.id === 5) tensor = readTensor(messageOf(field), `of attribute ${name}`).weight;
    else if (field.id === 6 || field.id === 11) graphs.push(readGraph(messageOf(field), depth + 1));
    else if (field.id === 21) reference = textOf(field) || undefined;
    else if (field.id === 22 || field.id === 23)
      throw new CheckpointError(`Attribute ${quoted(name)} holds a sparse tensor, which is not read here.`);
  }
  return { name, bytes, graphs, tensor, reference };
}

function readMetadata(bytes: Uint8Array): readonly [string, string] {
  let key = '';
  let value = '';
  for (const field of fieldsOf(bytes)) {
    if (field.id === 1) key = textOf(field);
    else if (field.id === 2) value = textOf(field);
  }
  return [key, value];
}

function readNode(bytes: Uint8Array, depth: number): OnnxNode {
  let op = '';
  let domain = '';
  let name = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  const metadata = new Map<string, string>();
  for (const field of fieldsOf(bytes)) {
    if (field.id === 1) inputs.push(textOf(field));
    else if (field.id === 2) outputs.push(textOf(field));
    else if (field.id === 3) name = textOf(field);
    else if (field.id === 4) op = textOf(field);
    else if (field.id === 5) {
      const attribute = readAttribute(messageOf(field), depth);
      attributes.set(attribute.name, attribute);
    } else if (field.id === 7) domain = textOf(field);
    else if (field.id === 9) metadata.set(...readMetadata(messageOf(field)));
  }
  if (op === '') throw new WireError('a node has no operator');
  return {
    op,
    domain: domain === 'ai.onnx' ? '' : domain,
    name,
    inputs,
    outputs,
    attributes,
    scopes: scopesOf(metadata),
  };
}

function readDimension(bytes: Uint8Array): DeclaredSize {
  let size: DeclaredSize;
  for (const field of fieldsOf(bytes)) {
    if (field.id === 1) size = numberOf(field) > 0 ? numberOf(field) : undefined;
    else if (field.id === 2) size = textOf(field) || undefined;
  }
  // Some writers put a question mark where they mean a size that they do not know.
  return size === '?' ? undefined : size;
}

function readShape(bytes: Uint8Array): readonly DeclaredSize[] {
  return [...fieldsOf(bytes)].filter(({ id }) => id === 1).map((field) => readDimension(messageOf(field)));
}

const otherKinds: Readonly<Record<number, string>> = {
  4: 'a sequence',
  5: 'a map',
  8: 'a sparse tensor',
  9: 'an optional',
};

function readValueInfo(bytes: Uint8Array): ValueInfo {
  let info: ValueInfo = { name: '', dtype: undefined, typeName: 'unknown', shape: undefined };
  for (const field of fieldsOf(bytes)) {
    if (field.id === 1) info = { ...info, name: textOf(field) };
    if (field.id !== 2) continue;
    for (const kind of fieldsOf(messageOf(field))) {
      const other = otherKinds[kind.id];
      if (other) info = { ...info, typeName: other };
      if (kind.id !== 1) continue;
      for (const part of fieldsOf(messageOf(kind))) {
        if (part.id === 1) {
          const code = numberOf(part);
          info = { ...info, dtype: elementTypeOf(code), typeName: typeName(code) };
        } else if (part.id === 2) info = { ...info, shape: readShape(messageOf(part)) };
      }
    }
  }
  return info;
}

function readGraph(bytes: Uint8Array, depth: number): OnnxGraph {
  if (depth > deepestGraph) throw new WireError(`graphs lie more than ${deepestGraph} deep in each other`);
  let name = '';
  const nodes: OnnxNode[] = [];
  const weights = new Map<string, Weight>();
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  for (const field of fieldsOf(bytes)) {
    if (field.id === 1) nodes.push(readNode(messageOf(field), depth));
    else if (field.id === 2) name = textOf(field);
    else if (field.id === 5) {
      const read = readTensor(messageOf(field), '');
      if (read.name === '') throw new WireError('a weight has no name');
      if (weights.has(read.name)) throw new WireError(`two weights have the name ${quoted(read.name)}`);
      weights.set(read.name, read.weight);
    } else if (field.id === 11) inputs.push(readValueInfo(messageOf(field)));
    else if (field.id === 12) outputs.push(readValueInfo(messageOf(field)));
    else if (field.id === 15)
      throw new CheckpointError(
        'The file has sparse weights, which are not read here. Export it with dense ones.',
      );
  }
  // Before IR version 4 every weight is listed as an input too.
  return { name, nodes, weights, inputs: inputs.filter((info) => !weights.has(info.name)), outputs };
}

function readOpset(bytes: Uint8Array): readonly [string, number] {
  let domain = '';
  let version = 1;
  for (const field of fieldsOf(bytes)) {
    if (field.id === 1) domain = textOf(field);
    else if (field.id === 2) version = numberOf(field);
  }
  return [domain === 'ai.onnx' ? '' : domain, version];
}

function readFunction(bytes: Uint8Array): OnnxFunction {
  let name = '';
  let domain = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const nodes: OnnxNode[] = [];
  const defaults = new Map<string, Attribute>();
  const opsets = new Map<string, number>();
  for (const field of fieldsOf(bytes)) {
    if (field.id === 1) name = textOf(field);
    else if (field.id === 4) inputs.push(textOf(field));
    else if (field.id === 5) outputs.push(textOf(field));
    else if (field.id === 7) nodes.push(readNode(messageOf(field), 0));
    else if (field.id === 9) opsets.set(...readOpset(messageOf(field)));
    else if (field.id === 10) domain = textOf(field);
    else if (field.id === 11) {
      const attribute = readAttribute(messageOf(field), 0);
      defaults.set(attribute.name, attribute);
    }
  }
  return { name, domain, inputs, outputs, nodes, defaults, opsets };
}

function readModel(label: string, bytes: Uint8Array): OnnxFile {
  let irVersion = 0;
  let producer = '';
  let graph: OnnxGraph | undefined;
  const opsets = new Map<string, number>();
  const functions: OnnxFunction[] = [];
  for (const field of fieldsOf(bytes)) {
    if (field.id === 1) irVersion = numberOf(field);
    else if (field.id === 2) producer = textOf(field);
    else if (field.id === 7) {
      if (graph) throw new WireError('it has two graphs');
      graph = readGraph(messageOf(field), 0);
    } else if (field.id === 8) opsets.set(...readOpset(messageOf(field)));
    else if (field.id === 25) functions.push(readFunction(messageOf(field)));
  }
  if (!graph) throw new WireError('it holds no graph');
  if (graph.nodes.length === 0) throw new WireError('its graph computes nothing');
  if (graph.outputs.length === 0) throw new WireError('its graph has no output');
  if (!opsets.has('') && !opsets.size) throw new WireError('it does not say which operators it means');
  return { label, irVersion, producer, opsets, graph, functions };
}

/** The flatbuffers of ONNX Runtime have these letters at byte 4. */
async function refuseOrtFormat(source: ByteSource, signal?: AbortSignal): Promise<void> {
  if (source.sizeBytes < 8) return;
  const mark = String.fromCharCode(...(await source.read(4, 4, signal)));
  if (mark === 'ORTM')
    throw new CheckpointError(
      `${quoted(source.label)} is an ORT-format file, which is compiled for one version. Give the .onnx it was made from.`,
    );
}

/**
 * Read the structure of an ONNX file. Its weights stay where they are.
 * @throws CheckpointError when it is no ONNX file, is damaged, or holds what is not read; the message says what
 */
export async function readOnnx(source: ByteSource, signal?: AbortSignal): Promise<OnnxFile> {
  await refuseLfsPointer(source, signal);
  await refuseOrtFormat(source, signal);
  const structure = await sparseCopy(source, signal);
  try {
    return readModel(source.label, structure);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CheckpointError(
      `${quoted(source.label)} is not an ONNX file: ${error.message}. It is cut off, damaged or of another kind.`,
    );
  }
}
