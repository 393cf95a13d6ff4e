// The graph as edges: what is computed from what, in an order in which each node comes after what it reads. Files do not
// always keep to such an order, and a damaged or a made-up one may have none.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { quoted } from '../messages/wording.ts';
import { type OnnxNode, readsOf } from './onnxFile.ts';

/** More nodes than any model has that runs in a tab; functions that call each other twice reach it quickly. */
const mostNodes = 200_000;

export const nodeLabel = (node: OnnxNode): string =>
  quoted(node.name || `${node.op} (${node.outputs[0] ?? ''})`);

/**
 * The nodes so that each comes after what it reads, otherwise as they stood.
 * @param given names that are there from the start: inputs and weights
 * @throws CheckpointError when a name has two makers or none, or nodes wait for each other
 */
export function inOrder(nodes: readonly OnnxNode[], given: ReadonlySet<string>): readonly OnnxNode[] {
  if (nodes.length > mostNodes)
    throw new CheckpointError(`The model has more than ${mostNodes} nodes; it is not opened.`);
  const makers = new Map<string, OnnxNode>();
  for (const node of nodes) {
    for (const name of node.outputs) {
      if (name === '') continue;
      if (makers.has(name) || given.has(name))
        throw new CheckpointError(`Tensor ${quoted(name)} is computed twice. The file is damaged.`);
      makers.set(name, node);
    }
  }
  const done = new Set<OnnxNode>();
  const open = new Set<OnnxNode>();
  const order: OnnxNode[] = [];
  for (const root of nodes) {
    const stack: { readonly node: OnnxNode; readonly isLeft: boolean }[] = [{ node: root, isLeft: false }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const { node, isLeft } = top;
      if (isLeft) {
        open.delete(node);
        done.add(node);
        order.push(node);
        continue;
      }
      if (done.has(node)) continue;
      if (open.has(node))
        throw new CheckpointError(`Node ${nodeLabel(node)} waits for its own result. The file is damaged.`);
      open.add(node);
      stack.push({ node, isLeft: true });
      for (const name of readsOf(node).toReversed()) {
        const maker = makers.get(name);
        if (!maker && !given.has(name))
          throw new CheckpointError(
            `Node ${nodeLabel(node)} reads ${quoted(name)}, which nothing computes. The file is damaged.`,
          );
        if (maker && !done.has(maker)) stack.push({ node: maker, isLeft: false });
      }
    }
  }
  return order;
}

/** Operators that read how large a tensor is and not what is in it. */
export const readsSizeOnly = ({ op, domain }: OnnxNode): boolean =>
  domain === '' && (op === 'Shape' || op === 'Size');

/**
 * Tensors that depend on the values of some others, not on their sizes alone, in order.
 * @param from where to start: inputs, as a rule
 */
export function dependentOn(nodes: readonly OnnxNode[], from: Iterable<string>): ReadonlySet<string> {
  const dependent = new Set(from);
  for (const node of nodes) {
    if (readsSizeOnly(node)) continue;
    if (!readsOf(node).some((name) => dependent.has(name))) continue;
    for (const name of node.outputs) if (name !== '') dependent.add(name);
  }
  return dependent;
}

/** Whether it makes tensors; some operators make sequences of them. */
export const isTensorNode = ({ op }: OnnxNode): boolean =>
  !/Sequence|^Optional/.test(op) || op === 'ReverseSequence';

/** Operators whose result is not decided by what they read. */
const random = new Set([
  ...['RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike', 'Bernoulli', 'Multinomial'],
]);
export const isRandom = ({ op, domain }: OnnxNode): boolean => domain === '' && random.has(op);
