// Edits beside convolutions. onnxruntime lays pictures out anew for the GPU and moves the transpositions that this takes through
// the nodes behind, to the mask of an edit as well, and transposed truth values have no kernel. A reshape to the same shape
// is what it moves nothing through.

import { isMaskName } from './editNodes.ts';
import { plainNode } from './formulaNodes.ts';
import { memoryWeight } from './normalise.ts';
import type { OnnxNode, Weight } from './onnxFile.ts';
import type { NormalGraph } from './piece.ts';
import { tensorFrom } from './tensor.ts';

export interface WithBarriers {
  readonly graph: NormalGraph;
  readonly nodes: readonly OnnxNode[];
}

/**
 * @param rankOf axes of the tensor that a node makes
 * @returns undefined where no edit has a mask
 */
export function withBarriers(
  graph: NormalGraph,
  nodes: readonly OnnxNode[],
  rankOf: (tensor: string) => number | undefined,
): WithBarriers | undefined {
  const weights = new Map<string, Weight>(graph.weights);
  let count = 0;
  const behind = nodes.flatMap((node): readonly OnnxNode[] => {
    const [mask = '', value = '', raw = ''] = node.inputs;
    const [tensor = ''] = node.outputs;
    const rank = rankOf(tensor);
    if (node.op !== 'Where' || !isMaskName(mask) || rank === undefined) return [node];
    const [same, still] = [`patchbay::same of ${rank}`, `${tensor}::still`];
    // A zero in a shape is the size that was there.
    weights.set(same, memoryWeight(tensorFrom('int64', [rank], () => 0)));
    count += 1;
    return [plainNode('Reshape', [raw, same], still), { ...node, inputs: [mask, value, still] }];
  });
  return count === 0 ? undefined : { graph: { ...graph, weights }, nodes: behind };
}
