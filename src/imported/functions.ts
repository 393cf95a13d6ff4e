// Model-local functions, put in where they are called: a copy a call, with the call's name in front of what is inside.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { quoted } from '../messages/wording.ts';
import type { Attribute, OnnxFile, OnnxFunction, OnnxGraph, OnnxNode } from './onnxFile.ts';
import { nodeLabel } from './order.ts';
import { renamedNode } from './rename.ts';
import { fieldsOf } from './wireReader.ts';

const mostNodes = 200_000;
const deepestCall = 32;

const keyOf = ({ domain, name }: { readonly domain: string; readonly name: string }): string =>
  `${domain}\n${name}`;

/** The attribute of a call under the name that it has inside of the function. */
function underName(attribute: Attribute, name: string): Attribute {
  const label = new TextEncoder().encode(name);
  if (label.length > 127) throw new CheckpointError(`Attribute ${quoted(name)} has a very long name.`);
  const kept = [...fieldBytes(attribute.bytes)].filter(({ id }) => id !== 1 && id !== 21);
  const bytes = Uint8Array.from([10, label.length, ...label, ...kept.flatMap((field) => [...field.bytes])]);
  return { ...attribute, name, bytes, reference: undefined };
}

/** The fields of a message with their tags. */
function* fieldBytes(message: Uint8Array): Generator<{ readonly id: number; readonly bytes: Uint8Array }> {
  let at = 0;
  for (const field of fieldsOf(message)) {
    const end = field.kind === 'varint' ? afterVarint(message, at) : endOf(field.bytes, message);
    yield { id: field.id, bytes: message.subarray(at, end) };
    at = end;
  }
}

const endOf = (part: Uint8Array, whole: Uint8Array): number =>
  part.byteOffset - whole.byteOffset + part.byteLength;

function afterVarint(bytes: Uint8Array, at: number): number {
  let end = at;
  for (let numbers = 0; numbers < 2; end++) if ((bytes[end] ?? 0) < 128) numbers += 1;
  return end;
}

function boundAttributes(
  node: OnnxNode,
  call: OnnxNode,
  defaults: OnnxFunction['defaults'],
): ReadonlyMap<string, Attribute> {
  const bound = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    if (attribute.reference === undefined) bound.set(name, attribute);
    else {
      const given = call.attributes.get(attribute.reference) ?? defaults.get(attribute.reference);
      if (given) bound.set(name, underName(given, name));
    }
  }
  return bound;
}

function bodyOf(call: OnnxNode, called: OnnxFunction): readonly OnnxNode[] {
  const prefix = call.name || call.outputs[0] || call.op;
  const names = new Map<string, string>();
  for (const [index, name] of called.inputs.entries()) names.set(name, call.inputs[index] ?? '');
  for (const [index, name] of called.outputs.entries()) {
    const actual = call.outputs[index];
    // An input that is handed through is copied, below.
    if (actual && !names.has(name)) names.set(name, actual);
  }
  const naming = (name: string): string => names.get(name) ?? `${prefix}/${name}`;
  const copies = called.outputs.flatMap((name, index): OnnxNode[] => {
    const actual = call.outputs[index];
    if (!actual || !called.inputs.includes(name)) return [];
    return [
      {
        op: 'Identity',
        domain: '',
        name: '',
        inputs: [naming(name)],
        outputs: [actual],
        attributes: new Map(),
        scopes: [],
      },
    ];
  });
  const body = called.nodes.map((node) => ({
    ...renamedNode({ ...node, attributes: boundAttributes(node, call, called.defaults) }, naming),
    name: `${prefix}/${node.name || node.outputs[0] || node.op}`,
    scopes: [...call.scopes, prefix, ...node.scopes],
  }));
  return [...body, ...copies];
}

/**
 * The nodes of a graph and of its subgraphs without calls of functions.
 * @throws CheckpointError when functions call themselves, or become too many nodes
 */
export function withoutFunctions(file: OnnxFile): OnnxGraph {
  const functions = new Map(file.functions.map((each) => [keyOf(each), each]));
  let count = 0;
  const expand = (nodes: readonly OnnxNode[], depth: number): readonly OnnxNode[] =>
    nodes.flatMap((node): readonly OnnxNode[] => {
      count += 1;
      if (count > mostNodes)
        throw new CheckpointError(`The model has more than ${mostNodes} nodes; it is not opened.`);
      const called = functions.get(keyOf({ domain: node.domain, name: node.op }));
      if (!called) return [withExpandedGraphs(node, depth)];
      if (depth >= deepestCall)
        throw new CheckpointError(
          `Function ${quoted(node.op)} at ${nodeLabel(node)} calls itself, or is nested ${deepestCall} deep.`,
        );
      return expand(bodyOf(node, called), depth + 1);
    });
  const expandGraph = (graph: OnnxGraph, depth: number): OnnxGraph => ({
    ...graph,
    nodes: expand(graph.nodes, depth),
  });
  const withExpandedGraphs = (node: OnnxNode, depth: number): OnnxNode => {
    if ([...node.attributes.values()].every(({ graphs }) => graphs.length === 0)) return node;
    const attributes = new Map(
      [...node.attributes].map(([name, attribute]) => [
        name,
        { ...attribute, graphs: attribute.graphs.map((graph) => expandGraph(graph, depth)) },
      ]),
    );
    return { ...node, attributes };
  };
  return functions.size === 0 ? file.graph : expandGraph(file.graph, 0);
}
