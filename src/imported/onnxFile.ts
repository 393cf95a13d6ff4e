// An ONNX file as it was read: nodes as they stand in it, weights as the places of their bytes. Nothing is translated into
// the engine's own operators, which are a closed set; what is written back is what was read.

import type { ElementType } from './tensor.ts';

/** Where the bytes of a weight lie, little-endian. */
export type WeightPlace =
  | { readonly kind: 'memory'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly offset: number; readonly length: number }
  | { readonly kind: 'part'; readonly part: string; readonly offset: number; readonly length: number };

export interface Weight {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly place: WeightPlace;
}

/** One attribute. Its bytes are kept and written as they are; only subgraphs and tensors are opened. */
export interface Attribute {
  readonly name: string;
  /** The whole AttributeProto. */
  readonly bytes: Uint8Array;
  readonly graphs: readonly OnnxGraph[];
  readonly tensor: Weight | undefined;
  /** Inside a function: the attribute of the call that stands here. */
  readonly reference: string | undefined;
}

export interface OnnxNode {
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly name: string;
  /** An empty name is an optional input that was left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Where in the exported program the node stood, outermost first, as torch.export writes it; empty where it does not. */
  readonly scopes: readonly string[];
}

/** A size that is a name or absent is free. */
export type DeclaredSize = number | string | undefined;

export interface ValueInfo {
  readonly name: string;
  /** Absent where the file does not say, or says a type that is not computed with; `typeName` says it then. */
  readonly dtype: ElementType | undefined;
  readonly typeName: string;
  /** Absent where the rank is unknown. */
  readonly shape: readonly DeclaredSize[] | undefined;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly weights: ReadonlyMap<string, Weight>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
  /** Values of attributes that a call leaves out. */
  readonly defaults: ReadonlyMap<string, Attribute>;
  readonly opsets: ReadonlyMap<string, number>;
}

export interface OnnxFile {
  readonly label: string;
  readonly irVersion: number;
  readonly producer: string;
  /** The version of each domain's operators. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
}

/** All names that a node reads, those that its subgraphs capture included. */
export function readsOf(node: OnnxNode): readonly string[] {
  const own = node.inputs.filter((name) => name !== '');
  const captured = [...node.attributes.values()].flatMap(({ graphs }) => graphs.flatMap(capturesOf));
  return captured.length === 0 ? own : [...new Set([...own, ...captured])];
}

/** Names that a subgraph takes from outside of it. */
export function capturesOf(graph: OnnxGraph): readonly string[] {
  const inner = new Set([...graph.weights.keys(), ...graph.inputs.map(({ name }) => name)]);
  const found = new Set<string>();
  for (const node of graph.nodes) {
    for (const name of readsOf(node)) if (!inner.has(name)) found.add(name);
    for (const name of node.outputs) inner.add(name);
  }
  for (const { name } of graph.outputs) if (!inner.has(name)) found.add(name);
  return [...found];
}

export const hasSubgraph = (node: OnnxNode): boolean =>
  [...node.attributes.values()].some(({ graphs }) => graphs.length > 0);
