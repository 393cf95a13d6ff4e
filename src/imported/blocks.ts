// Layers: stretches of a chain that repeat. Segments are compared by what they compute (operators, attributes, shapes of
// weights), never by names and never by which weight they read: exporters store equal weights once.

import { attributeKey } from './attributes.ts';
import { type Cuts, isWeighted, type Segment } from './chains.ts';

import { modulePath } from './modulePath.ts';
import type { OnnxNode, Weight } from './onnxFile.ts';
import type { NormalGraph } from './piece.ts';

/** Segments `first` to `first + period * count - 1` of a chain are `count` equal blocks. */
export interface BlockRun {
  readonly first: number;
  readonly period: number;
  readonly count: number;
}

/** Small whole numbers are axes, permutations and sizes: other ones make another computation. */
const comparedElements = 16;

const weightLabel = (weight: Weight): string => {
  const { dtype, shape, place } = weight;
  const isCompared =
    dtype === 'int64' && place.kind === 'memory' && place.bytes.length <= comparedElements * 8;
  return `W ${dtype} ${shape.join('x')}${isCompared ? ` ${[...place.bytes].join('.')}` : ''}`;
};

/** Numbers for texts, so that labels of labels stay short. */
class Numbering {
  readonly #known = new Map<string, number>();
  of(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#known.set(text, this.#known.size);
    return this.#known.size - 1;
  }
}

/** A label for each segment; equal labels compute alike. */
function segmentLabels(graph: NormalGraph, segments: readonly Segment[]): readonly number[] {
  const numbering = new Numbering();
  return segments.map(({ from, to, nodes }) => {
    const labels = new Map<string, number>([[from, numbering.of('IN')]]);
    const inside = new Set(nodes.flatMap(({ outputs }) => outputs));
    const labelOf = (name: string): number => {
      const known = labels.get(name);
      if (known !== undefined) return known;
      const weight = graph.weights.get(name);
      if (weight) return numbering.of(weightLabel(weight));
      return numbering.of(name === '' ? 'ABSENT' : inside.has(name) ? 'LATER' : 'AMBIENT');
    };
    for (const node of nodes) {
      const inputs = node.inputs.map(labelOf).join(',');
      const computed = `${node.domain}|${node.op}|${attributeKey(node)}|${inputs}`;
      for (const [index, name] of node.outputs.entries())
        labels.set(name, numbering.of(`${computed}|${index}`));
    }
    return labels.get(to) ?? numbering.of('NOTHING');
  });
}

interface Stretch extends BlockRun {
  /** Nodes in all blocks. */
  readonly nodes: number;
  /** How far the first block can be moved to the right. */
  readonly slack: number;
}

/** The best stretch of repeated blocks in segments `from` to `to - 1`. */
function bestStretch(
  labels: readonly number[],
  sizes: readonly number[],
  weighted: readonly boolean[],
  from: number,
  to: number,
): Stretch | undefined {
  let best: Stretch | undefined;
  const total = (first: number, count: number): number =>
    sizes.slice(first, first + count).reduce((sum, size) => sum + size, 0);
  for (let period = 1; period * 2 <= to - from; period++) {
    for (let first = from; first + period < to; ) {
      let equal = 0;
      while (first + equal + period < to && labels[first + equal] === labels[first + equal + period])
        equal += 1;
      const length = equal + period;
      const count = Math.floor(length / period);
      if (count >= 2 && weighted.slice(first, first + period).some(Boolean)) {
        const slack = length - count * period;
        let nodes = 0;
        for (let move = 0; move <= slack; move++)
          nodes = Math.max(nodes, total(first + move, count * period));
        if (!best || nodes > best.nodes) best = { first, period, count, nodes, slack };
      }
      first += equal + 1;
    }
  }
  return best;
}

/** Numbers in the paths of a block's nodes by what stands before them: `encoder.layer.` has 3. */
function pathNumbers(nodes: readonly OnnxNode[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const node of nodes) {
    for (const match of modulePath(node).matchAll(/\d+/g)) {
      const prefix = modulePath(node).slice(0, match.index);
      found.set(prefix, (found.get(prefix) ?? new Set()).add(match[0]));
    }
  }
  return found;
}

/** How well the numbers in module paths agree with blocks that begin here: nodes under a prefix with one number a block. */
function agreement(segments: readonly Segment[], { first, period, count }: BlockRun): number {
  const blocks = Array.from({ length: count }, (_, block) =>
    pathNumbers(
      segments.slice(first + block * period, first + (block + 1) * period).flatMap(({ nodes }) => nodes),
    ),
  );
  const prefixes = new Set(blocks.flatMap((numbers) => [...numbers.keys()]));
  let score = 0;
  for (const prefix of prefixes) {
    const numbers = blocks.map((block) => block.get(prefix));
    const all = new Set(numbers.flatMap((set) => [...(set ?? [])]));
    const isOneEach = numbers.every((set) => set?.size === 1) && all.size === count;
    if (isOneEach) score += 1;
    else if (all.size > 1) score -= numbers.filter((set) => (set?.size ?? 0) > 1).length;
  }
  return score;
}

function inPhase(segments: readonly Segment[], stretch: Stretch): BlockRun {
  const { period, count, slack } = stretch;
  const starts = Array.from({ length: slack + 1 }, (_, move) => ({
    first: stretch.first + move,
    period,
    count,
  }));
  const [start = stretch] = starts
    .map((run) => ({
      run,
      agrees: agreement(segments, run),
      size: segments[run.first]?.nodes.length ?? 0,
    }))
    .sort((a, b) => b.agrees - a.agrees || b.size - a.size || a.run.first - b.run.first)
    .map(({ run }) => run);
  return { first: start.first, period, count };
}

/** The repeated blocks of a chain, in its order: the stretch that covers most, then what repeats before and after it. */
export function repeatedBlocks(graph: NormalGraph, { segments }: Cuts): readonly BlockRun[] {
  const labels = segmentLabels(graph, segments);
  const sizes = segments.map(({ nodes }) => nodes.length);
  const weighted = segments.map(({ nodes }) => nodes.some((node) => isWeighted(graph, node)));
  const within = (from: number, to: number): readonly BlockRun[] => {
    const stretch = bestStretch(labels, sizes, weighted, from, to);
    if (!stretch) return [];
    const run = inPhase(segments, stretch);
    const end = run.first + run.period * run.count;
    return [...within(from, run.first), run, ...within(end, to)];
  };
  return within(0, segments.length);
}

/** Products with weights inside of the blocks. */
export function weightedInBlocks(
  graph: NormalGraph,
  { segments }: Cuts,
  runs: readonly BlockRun[],
): readonly OnnxNode[] {
  return runs.flatMap(({ first, period, count }) =>
    segments
      .slice(first, first + period * count)
      .flatMap(({ nodes }) => nodes.filter((node) => isWeighted(graph, node))),
  );
}
