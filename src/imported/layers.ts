// Layers and what stands in them: the same tensor of every block under one name, and the names that the field has for some of
// them, given where the pattern is found in all blocks.

import { hashOf } from '../random/hash.ts';
import { attributeKey } from './attributes.ts';
import type { BlockRun } from './blocks.ts';
import { attentionNames } from './componentNames.ts';
import { modulePath } from './modulePath.ts';
import { type OnnxNode, readsOf } from './onnxFile.ts';
import type { NormalGraph } from './piece.ts';
import type { Chain } from './structure.ts';

/** One tensor of every block. */
export interface LayerComponent {
  /** In the field's words where they fit, else the path within the block, else operator and number. */
  readonly name: string;
  /** In the field's words. */
  readonly isKnown: boolean;
  /** The tensor of each layer. */
  readonly tensors: readonly string[];
}

/** Equal blocks, one after the other. */
export interface LayerStack {
  readonly count: number;
  readonly components: readonly LayerComponent[];
}

interface Block {
  readonly input: string;
  readonly output: string;
  readonly nodes: readonly OnnxNode[];
}

function blocksOf({ segments, tensors }: Chain, { first, period, count }: BlockRun): readonly Block[] {
  return Array.from({ length: count }, (_, block) => {
    const from = first + block * period;
    return {
      input: tensors[from] ?? '',
      output: tensors[from + period] ?? '',
      nodes: segments.slice(from, from + period).flatMap(({ nodes }) => nodes),
    };
  });
}

/** What a tensor is computed from, and what computes from it, in words that are equal for equal places of two blocks. */
function labelsOf(graph: NormalGraph, { input, nodes }: Block): ReadonlyMap<string, string> {
  const short = new Map<string, string>();
  // Two texts of one model that share a hash are not met in practice, and would only be aligned in order.
  const shorten = (text: string): string => {
    const known = short.get(text) ?? `#${hashOf(text)}`;
    short.set(text, known);
    return known;
  };
  const below = new Map<string, string>([[input, 'IN']]);
  for (const node of nodes) {
    const inputs = node.inputs.map((name) => {
      const weight = graph.weights.get(name);
      return (
        below.get(name) ??
        (weight ? `W${weight.dtype}${weight.shape.join('x')}` : name === '' ? '' : 'AMBIENT')
      );
    });
    for (const [index, name] of node.outputs.entries())
      below.set(
        name,
        shorten(`${node.domain}|${node.op}|${attributeKey(node)}|${inputs.join(',')}|${index}`),
      );
  }
  const above = new Map<string, string[]>();
  for (const node of nodes.toReversed()) {
    const own = node.outputs.map((name) => (above.get(name) ?? []).toSorted().join(',')).join(';');
    for (const [index, name] of node.inputs.entries()) {
      if (!below.has(name)) continue;
      above.set(name, [...(above.get(name) ?? []), shorten(`${node.op}|${index}|${own}`)]);
    }
  }
  return new Map(
    [...below].map(([name, label]) => [name, `${label}/${(above.get(name) ?? []).toSorted().join(',')}`]),
  );
}

/** Keys of a block's tensors, those of equal labels told apart by their order. */
function keysOf(graph: NormalGraph, block: Block): ReadonlyMap<string, string> {
  const labels = labelsOf(graph, block);
  const counts = new Map<string, number>();
  const keys = new Map<string, string>();
  for (const node of block.nodes) {
    for (const name of node.outputs) {
      const label = labels.get(name);
      if (label === undefined || name === '') continue;
      const count = counts.get(label) ?? 0;
      counts.set(label, count + 1);
      keys.set(`${label}:${count}`, name);
    }
  }
  return keys;
}

/** What all paths of a block begin with, as whole steps. */
function commonPath(paths: readonly string[]): string {
  const steps = paths.filter((path) => path !== '').map((path) => path.split('/'));
  const [first = []] = steps;
  let length = 0;
  while (length < first.length && steps.every((other) => other[length] === first[length])) length += 1;
  return first.slice(0, length).join('/');
}

/** Names of the first block's tensors that tell them apart: path and operator, numbered where they are not alone. */
function ownNames(block: Block): ReadonlyMap<string, string> {
  const common = commonPath(block.nodes.map(modulePath));
  const counts = new Map<string, number>();
  const names = new Map<string, string>();
  for (const node of block.nodes) {
    const path = modulePath(node);
    const within = path.startsWith(`${common}/`) ? path.slice(common.length + 1) : '';
    for (const [index, name] of node.outputs.entries()) {
      if (name === '') continue;
      const plain = `${within === '' ? '' : `${within}/`}${node.op}${index === 0 ? '' : `.${index}`}`;
      const count = (counts.get(plain) ?? 0) + 1;
      counts.set(plain, count);
      names.set(name, count === 1 ? plain : `${plain} ${count}`);
    }
  }
  return names;
}

/** The layers of a chain, stack by stack. */
export function layerStacks(graph: NormalGraph, chain: Chain): readonly LayerStack[] {
  return chain.runs.map((run) => {
    const blocks = blocksOf(chain, run);
    const keys = blocks.map((block) => keysOf(graph, block));
    const [firstBlock] = blocks;
    const own = firstBlock ? ownNames(firstBlock) : new Map<string, string>();
    const known = blocks.map((block) => attentionNames(graph, block.nodes, readersOf(graph.nodes)));
    const named = new Map<string, readonly string[]>([
      ['block_input', blocks.map(({ input }) => input)],
      ['block_output', blocks.map(({ output }) => output)],
    ]);
    for (const name of known[0]?.keys() ?? []) {
      const tensors = known.map((names) => names.get(name));
      if (tensors.every((tensor) => tensor !== undefined)) named.set(name, tensors);
    }
    const components: LayerComponent[] = [...named].map(([name, tensors]) => ({
      name,
      isKnown: true,
      tensors,
    }));
    for (const [key, tensor] of keys[0] ?? []) {
      const tensors = keys.map((each) => each.get(key));
      if (!tensors.every((each) => each !== undefined)) continue;
      components.push({ name: own.get(tensor) ?? tensor, isKnown: false, tensors });
    }
    return { count: run.count, components };
  });
}

/** Which nodes read a tensor. */
function readersOf(nodes: readonly OnnxNode[]): ReadonlyMap<string, readonly OnnxNode[]> {
  const readers = new Map<string, OnnxNode[]>();
  for (const node of nodes)
    for (const name of readsOf(node)) readers.set(name, [...(readers.get(name) ?? []), node]);
  return readers;
}
