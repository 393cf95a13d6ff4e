// The part of a model between two of its tensors, as a graph to be drawn.

import type { GraphNode } from '../../figures/layeredGraph.ts';
import type { FoundChain, ImportedStructure } from '../../imported/describe.ts';

export interface Cut {
  readonly from: string;
  readonly to: string;
}

/** The parts that the model is cut into: from the beginning of a chain by its tensors to its end. */
export function segmentsOf({ inputs, outputs }: ImportedStructure, chain?: FoundChain): readonly Cut[] {
  const first = chain?.from ?? inputs.find(({ use }) => use !== 'companion')?.name ?? '';
  const last = chain?.to ?? outputs.at(0)?.name ?? '';
  const stops = [...new Set([first, ...(chain?.tensors ?? []), last])].filter((name) => name !== '');
  return stops.slice(1).map((to, index) => ({ from: stops[index] ?? '', to }));
}

/** The last step of a path, which tells tensors of one layer apart as a rule. */
export const shortName = (name: string): string => name.split('/').at(-1) || name;

/** More boxes than these are no drawing that anybody reads. */
export const mostBoxes = 150;

/**
 * Boxes for what computes `to` from `from`, and for what comes in from elsewhere.
 * @returns undefined where there are too many, or `to` is not computed by the model
 */
export function segmentGraph(
  { nodes }: ImportedStructure,
  { from, to }: Cut,
): readonly GraphNode[] | undefined {
  const wanted = new Set([to]);
  const kept: (typeof nodes)[number][] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name) && name !== from)) continue;
    kept.push(node);
    for (const name of node.inputs) if (name !== from) wanted.add(name);
    if (kept.length > mostBoxes) return undefined;
  }
  if (kept.length === 0) return undefined;
  kept.reverse();
  const makers = new Map(
    kept.flatMap(({ outputs }) => outputs.map((name) => [name, outputs[0] ?? ''] as const)),
  );
  const sources = [...new Set(kept.flatMap(({ inputs }) => inputs))].filter((name) => !makers.has(name));
  return [
    ...sources.map((name) => ({ id: name, label: shortName(name), reads: [] })),
    ...kept.map(({ op, inputs, outputs }) => ({
      id: outputs[0] ?? '',
      label: op,
      reads: inputs.map((name) => ({ node: makers.get(name) ?? name, edge: name })),
    })),
    // What the part hands on is an edge as well.
    { id: `to ${to}`, label: shortName(to), reads: [{ node: makers.get(to) ?? to, edge: to }] },
  ];
}
