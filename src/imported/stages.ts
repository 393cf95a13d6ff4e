// The stages that rows pass through: pieces of the chains, at whose borders one tensor, or one of each chain, is all that is
// handed on. Borders stand where layers begin, so that a row that is edited from some layer on forks there.

import { isWeighted } from './chains.ts';
import type { OnnxNode } from './onnxFile.ts';
import { dependentOn } from './order.ts';
import { type NormalGraph, nodesNeeded } from './piece.ts';
import type { Chain } from './structure.ts';

export interface Stage {
  /** Tensors that it is handed; a graph's inputs it has besides. */
  readonly given: readonly string[];
  /** Tensors that it hands on. */
  readonly next: readonly string[];
  /** What it has to compute for that. */
  readonly nodes: readonly OnnxNode[];
  readonly computes: ReadonlySet<string>;
}

/** Cuts at which a stage begins: the first tensor of each block and the last of all, else before each product with weights. */
function borders(graph: NormalGraph, chain: Chain): readonly string[] {
  const { tensors, segments, runs, source, output } = chain;
  const places = new Set<number>();
  for (const { first, period, count } of runs) {
    for (let block = 0; block <= count; block++) places.add(first + block * period);
  }
  if (runs.length === 0) {
    for (const [index, { nodes }] of segments.entries())
      if (nodes.some((node) => isWeighted(graph, node))) places.add(index);
  }
  const isInput = graph.inputs.some(({ name }) => name === source);
  return [...places]
    .sort((a, b) => a - b)
    .map((index) => tensors[index] ?? output)
    .filter((name) => name !== output && !(isInput && name === source));
}

/** @param chains the first is the one whose end is the model's; the others feed it */
export function stagesOf(graph: NormalGraph, chains: readonly Chain[]): readonly Stage[] {
  const [main, ...others] = chains;
  if (!main) return [stage(graph, [], graph.outputs)];
  const states: (readonly string[])[] = [[]];
  const kept: string[] = [];
  const ofMain = dependentOn(graph.nodes, [main.source]);
  for (const other of others.toReversed()) {
    // The part of it that the main chain has no say in; its last tensor is what the main chain reads of it.
    const before = other.tensors.filter((name) => !ofMain.has(name));
    const last = before.at(-1);
    if (last === undefined || last === other.source) continue;
    for (const name of borders(graph, other))
      if (before.includes(name) && name !== last) states.push([...kept, name]);
    kept.push(last);
    states.push([...kept]);
  }
  for (const name of borders(graph, main)) states.push([...kept, name]);
  return states.map((given, index) => stage(graph, given, states[index + 1] ?? graph.outputs));
}

function stage(graph: NormalGraph, given: readonly string[], next: readonly string[]): Stage {
  const nodes = nodesNeeded(graph.nodes, next, new Set(given));
  return { given, next, nodes, computes: new Set(nodes.flatMap(({ outputs }) => outputs)) };
}

/** The first stage that computes each tensor; what none needs on its way is computed as soon as it can be. */
export function firstStages(graph: NormalGraph, stages: readonly Stage[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  for (const [index, { computes }] of stages.entries())
    for (const name of computes) if (!first.has(name)) first.set(name, index);
  const sides = graph.nodes
    .flatMap(({ outputs }) => outputs)
    .filter((name) => name !== '' && !first.has(name));
  for (const [index, { given }] of stages.entries()) {
    if (given.length === 0) continue;
    const after = dependentOn(graph.nodes, given);
    for (const name of sides) if (after.has(name)) first.set(name, index);
  }
  for (const name of sides) if (!first.has(name)) first.set(name, 0);
  return first;
}
