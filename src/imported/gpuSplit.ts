// A stage on the GPU where it can be: what cannot be there and lies on no way from the stage's beginning (masks, positions) is
// computed on WebAssembly before and handed over; where it lies on the way, the whole stage is WebAssembly's.

import { isWeighted } from './chains.ts';
import { type OnnxNode, readsOf } from './onnxFile.ts';
import type { NormalGraph } from './piece.ts';

export type GpuSplit =
  | {
      readonly kind: 'gpu';
      /** On WebAssembly, before the rest. */
      readonly before: readonly OnnxNode[];
      readonly rest: readonly OnnxNode[];
    }
  /** The node that keeps the stage off the GPU. */
  | { readonly kind: 'wasm'; readonly node: OnnxNode };

/**
 * @param nodes of the stage, each after what it reads
 * @param given states that the stage begins with
 * @param off   nodes that do not run on the GPU
 */
export function splitForGpu(
  graph: NormalGraph,
  nodes: readonly OnnxNode[],
  given: Iterable<string>,
  off: ReadonlySet<OnnxNode>,
): GpuSplit {
  // Tensors on the way: behind the states, or behind a product with weights.
  const onTheWay = new Set(given);
  for (const node of nodes) {
    if (!isWeighted(graph, node) && !readsOf(node).some((name) => onTheWay.has(name))) continue;
    if (off.has(node)) return { kind: 'wasm', node };
    for (const name of node.outputs) if (name !== '') onTheWay.add(name);
  }
  const needed = new Set<string>();
  const before = new Set<OnnxNode>();
  for (const node of nodes.toReversed()) {
    if (!off.has(node) && !node.outputs.some((name) => needed.has(name))) continue;
    before.add(node);
    for (const name of readsOf(node)) needed.add(name);
  }
  const rest = nodes.filter((node) => !before.has(node));
  const [first] = off;
  if (rest.length === 0 && first) return { kind: 'wasm', node: nodes.find((node) => off.has(node)) ?? first };
  return { kind: 'gpu', before: nodes.filter((node) => before.has(node)), rest };
}
