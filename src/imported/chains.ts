// Where a model can be cut by a single tensor. Between two neighbouring cuts lies a segment: what goes in is the first tensor,
// what comes out the second, and everything else that it reads (masks, tables of positions, sizes) does not come from the
// source, so it can be computed apart.

import { type OnnxNode, readsOf } from './onnxFile.ts';
import { dependentOn, readsSizeOnly } from './order.ts';
import type { NormalGraph } from './piece.ts';

/** The nodes between two cuts, those on the way from one to the other. */
export interface Segment {
  readonly from: string;
  readonly to: string;
  readonly nodes: readonly OnnxNode[];
}

/** A way through the model as single tensors and what lies between them. */
export interface Cuts {
  readonly source: string;
  readonly output: string;
  /** From the source to the output, both included. */
  readonly tensors: readonly string[];
  readonly segments: readonly Segment[];
}

/** Tensors that `output` depends on, by values. */
function ancestorsOf(nodes: readonly OnnxNode[], output: string): ReadonlySet<string> {
  const wanted = new Set([output]);
  for (const node of nodes.toReversed()) {
    if (readsSizeOnly(node) || !node.outputs.some((name) => wanted.has(name))) continue;
    for (const name of readsOf(node)) wanted.add(name);
  }
  return wanted;
}

/**
 * The single tensors through which everything passes that comes from `source` and bears on `output`. One sweep: the tensors
 * that are still to be read are kept, and whenever there is one of them it is a cut. That is exact, because an edge that
 * jumps over a tensor is a path around it.
 * @returns undefined where the output does not depend on the source
 */
export function cutsBetween(graph: NormalGraph, source: string, output: string): Cuts | undefined {
  const descending = dependentOn(graph.nodes, [source]);
  if (!descending.has(output)) return undefined;
  const ancestors = ancestorsOf(graph.nodes, output);
  const isInStream = (name: string): boolean => descending.has(name) && ancestors.has(name);
  const stream = graph.nodes.filter((node) => !readsSizeOnly(node) && node.outputs.some(isInStream));
  // What makes the source, where that is not an input, is no part of the way.
  const way = stream.filter((node) => !node.outputs.includes(source));
  const unread = new Map<string, number>([[output, 1]]);
  for (const node of way)
    for (const name of readsOf(node)) if (isInStream(name)) unread.set(name, (unread.get(name) ?? 0) + 1);
  const alive = new Set([source]);
  const tensors = [source];
  const segments: Segment[] = [];
  let since: OnnxNode[] = [];
  for (const node of way) {
    since.push(node);
    for (const name of readsOf(node)) {
      if (!isInStream(name)) continue;
      const left = (unread.get(name) ?? 0) - 1;
      unread.set(name, left);
      if (left === 0) alive.delete(name);
    }
    for (const name of node.outputs) if (isInStream(name) && (unread.get(name) ?? 0) > 0) alive.add(name);
    const [only, ...others] = alive;
    const last = tensors.at(-1);
    if (only === undefined || others.length > 0 || only === last) continue;
    segments.push({ from: last ?? source, to: only, nodes: since });
    tensors.push(only);
    since = [];
  }
  return { source, output, tensors, segments };
}

const products = new Set([
  ...[
    'MatMul',
    'Gemm',
    'Conv',
    'ConvTranspose',
    'MatMulInteger',
    'ConvInteger',
    'QLinearMatMul',
    'QLinearConv',
  ],
  ...[
    'MatMulNBits',
    'FusedMatMul',
    'FusedGemm',
    'FusedConv',
    'DynamicQuantizeMatMul',
    'MatMulIntegerToFloat',
  ],
  ...['LSTM', 'GRU', 'RNN', 'Einsum', 'Attention', 'QAttention', 'MultiHeadAttention', 'GroupQueryAttention'],
]);

/** A product with weights: what layers are made of. */
export const isWeighted = (graph: NormalGraph, node: OnnxNode): boolean =>
  products.has(node.op) && node.inputs.some((name) => graph.weights.has(name));

/** Where a way through the model may begin: its inputs, and the rows taken from a table. */
export function possibleSources(graph: NormalGraph): readonly string[] {
  const rows = graph.nodes
    .filter(({ op, inputs }) => op === 'Gather' && graph.weights.has(inputs[0] ?? ''))
    .flatMap(({ outputs }) => outputs);
  return [...graph.inputs.map(({ name }) => name), ...rows];
}
