// What a model is made of: the chains through it, longest layers first.

import { type BlockRun, repeatedBlocks, weightedInBlocks } from './blocks.ts';
import { type Cuts, cutsBetween, isWeighted, possibleSources } from './chains.ts';
import type { OnnxNode } from './onnxFile.ts';
import type { NormalGraph } from './piece.ts';

export interface Chain extends Cuts {
  readonly runs: readonly BlockRun[];
}

interface Candidate {
  readonly chain: Chain;
  readonly inBlocks: readonly OnnxNode[];
  readonly all: readonly OnnxNode[];
  /** Of the source: an image has more axes than the time that goes with it. */
  readonly rank: number;
  readonly weightedSegments: number;
}

function candidates(graph: NormalGraph): readonly Candidate[] {
  return possibleSources(graph).flatMap((source) =>
    graph.outputs.flatMap((output) => {
      const cuts = cutsBetween(graph, source, output);
      if (!cuts) return [];
      const runs = repeatedBlocks(graph, cuts);
      const rank = graph.inputs.find(({ name }) => name === source)?.shape?.length ?? 0;
      const weighted = cuts.segments.map(({ nodes }) => nodes.filter((node) => isWeighted(graph, node)));
      return [
        {
          chain: { ...cuts, runs },
          inBlocks: weightedInBlocks(graph, cuts, runs),
          all: weighted.flat(),
          rank,
          weightedSegments: weighted.filter((nodes) => nodes.length > 0).length,
        },
      ];
    }),
  );
}

/** The first number that differs decides, the larger one first. */
function descending(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (b[at] ?? 0) - (a[at] ?? 0);
}

/**
 * The chains that together hold most: first the one whose blocks hold the most products with weights, then the one that adds
 * most to it (an encoder beside a decoder), until one adds nothing. At least one where any output depends on any input.
 */
export function findChains(graph: NormalGraph): readonly Chain[] {
  const open = candidates(graph);
  const chosen: Chain[] = [];
  const seen = new Set<OnnxNode>();
  for (;;) {
    const scored = open.map((candidate) => ({
      candidate,
      score: [
        candidate.inBlocks.filter((node) => !seen.has(node)).length,
        candidate.inBlocks.length > 0 ? 0 : candidate.rank,
        candidate.weightedSegments,
        candidate.all.length,
      ] as const,
    }));
    // A stable sort: among equals the first input, and the first output, stay in front.
    const [best] = scored.sort(({ score: a }, { score: b }) => descending(a, b));
    if (!best) return chosen;
    if (chosen.length > 0 && best.score[0] === 0) return chosen;
    chosen.push(best.candidate.chain);
    for (const node of [...best.candidate.inBlocks, ...best.candidate.all]) seen.add(node);
  }
}
