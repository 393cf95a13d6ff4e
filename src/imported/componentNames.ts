// The field's names for tensors of a block of attention and MLP, found by how they are computed and by no name of the file:
// the block's Softmax is the pattern, what it reads are the scores, what weights it by values are the heads' values.

import { isWeighted } from './chains.ts';
import { type OnnxNode, readsOf } from './onnxFile.ts';
import type { NormalGraph } from './piece.ts';

type Readers = ReadonlyMap<string, readonly OnnxNode[]>;

/** Operators that lay numbers out anew. */
const layout = new Set([
  'Reshape',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Cast',
  'Identity',
  'Expand',
]);
/** With what else may stand between the scores and their product: scaling, masks. */
const shaping = new Set([...layout, 'Add', 'Sub', 'Mul', 'Div', 'Where']);
/** And between the pattern and what it weights: a guard for rows that are masked whole. */
const guarding = new Set([...layout, 'Where', 'Dropout']);

class Walk {
  readonly #graph: NormalGraph;
  readonly #nodes: ReadonlySet<OnnxNode>;
  readonly #readers: Readers;
  readonly #makers = new Map<string, OnnxNode>();

  constructor(graph: NormalGraph, nodes: readonly OnnxNode[], readers: Readers) {
    this.#graph = graph;
    this.#nodes = new Set(nodes);
    this.#readers = readers;
    for (const node of nodes) for (const name of node.outputs) this.#makers.set(name, node);
  }

  maker(name: string): OnnxNode | undefined {
    return this.#makers.get(name);
  }

  isWeighted(node: OnnxNode): boolean {
    return isWeighted(this.#graph, node);
  }

  isPlainProduct(node: OnnxNode): boolean {
    return node.op === 'MatMul' && !this.isWeighted(node);
  }

  isWeight(name: string): boolean {
    return this.#graph.weights.has(name);
  }

  readers(name: string): readonly OnnxNode[] {
    return (this.#readers.get(name) ?? []).filter((node) => this.#nodes.has(node));
  }

  /** The first node up from a tensor that is found, through operators of a set. */
  up(name: string, through: ReadonlySet<string>, isFound: (node: OnnxNode) => boolean): OnnxNode | undefined {
    const node = this.maker(name);
    if (!node) return undefined;
    if (isFound(node)) return node;
    if (!through.has(node.op)) return undefined;
    for (const input of readsOf(node)) {
      const found = this.up(input, through, isFound);
      if (found) return found;
    }
    return undefined;
  }

  /** The first node down from a tensor that is found, and the tensor by which it is reached. */
  down(
    name: string,
    through: ReadonlySet<string>,
    isFound: (node: OnnxNode) => boolean,
  ): { readonly node: OnnxNode; readonly by: string } | undefined {
    for (const node of this.readers(name)) {
      if (isFound(node)) return { node, by: name };
      if (!through.has(node.op)) continue;
      for (const output of node.outputs) {
        const found = this.down(output, through, isFound);
        if (found) return found;
      }
    }
    return undefined;
  }

  /** A product's result with its bias, laid out as the product was before it was made flat. */
  withBias(product: OnnxNode): string {
    let name = product.outputs[0] ?? '';
    for (;;) {
      const [reader, ...others] = this.readers(name);
      const isBias = reader?.op === 'Add' && reader.inputs.some((input) => this.isWeight(input));
      if (!reader || others.length > 0 || !(isBias || reader.op === 'Reshape')) return name;
      name = reader.outputs[0] ?? name;
    }
  }

  /** The projection that a product of heads reads: back through layout and scaling alone. */
  projection(name: string): string | undefined {
    const node = this.maker(name);
    if (!node) return undefined;
    if (node.op === 'Split' || this.isWeighted(node)) return name;
    const [first = '', second] = node.inputs;
    if (node.op === 'Add' && second !== undefined) {
      const product = this.isWeight(second) ? first : this.isWeight(first) ? second : undefined;
      const made = product === undefined ? undefined : this.maker(product);
      return made && this.isWeighted(made) ? name : undefined;
    }
    const isScaled =
      (node.op === 'Mul' || node.op === 'Div') && second !== undefined && this.isWeight(second);
    return layout.has(node.op) || isScaled ? this.projection(first) : undefined;
  }
}

/**
 * @param nodes   of one block, in order
 * @param readers of all tensors
 * @returns names to tensors; none where the block has not exactly one Softmax between two products
 */
export function attentionNames(
  graph: NormalGraph,
  nodes: readonly OnnxNode[],
  readers: Readers,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const walk = new Walk(graph, nodes, readers);
  const [softmax, ...others] = nodes.filter(({ op }) => op === 'Softmax');
  const weight = softmax?.outputs[0];
  const scores = softmax?.inputs[0];
  if (weight === undefined || scores === undefined || others.length > 0) return names;
  const paired = walk.up(scores, shaping, (node) => walk.isPlainProduct(node));
  const weighting = walk.down(weight, guarding, (node) => walk.isPlainProduct(node));
  if (!paired || !weighting) return names;
  names.set('attention_scores', scores);
  names.set('attention_weight', weight);
  const ofHeads = weighting.node.outputs[0] ?? '';
  names.set('head_attention_value_output', ofHeads);
  const values = weighting.node.inputs.find((name) => name !== weighting.by);
  const projected = {
    query_output: paired.inputs[0] && walk.projection(paired.inputs[0]),
    key_output: paired.inputs[1] && walk.projection(paired.inputs[1]),
    value_output: values && walk.projection(values),
  };
  for (const [name, tensor] of Object.entries(projected)) if (tensor) names.set(name, tensor);
  const out = walk.down(ofHeads, layout, (node) => walk.isWeighted(node));
  if (!out) return names;
  names.set('attention_value_output', out.by);
  names.set('attention_output', walk.withBias(out.node));
  const last = nodes.filter((node) => walk.isWeighted(node)).at(-1);
  const activation = last?.inputs[0];
  if (!last || last === out.node || activation === undefined) return names;
  const flat = walk.maker(activation);
  const isFlat = flat?.op === 'Reshape' && walk.readers(flat.outputs[0] ?? '').length === 1;
  names.set('mlp_activation', isFlat ? (flat.inputs[0] ?? activation) : activation);
  names.set('mlp_output', walk.withBias(last));
  return names;
}
