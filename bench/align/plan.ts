// What both sides of bench/align are given: one site, and prompts as ids.

import type { ResolvedAlign } from '../../src/experiments/align/resolve.ts';
import type { ResolvedExample } from '../../src/experiments/align/resolveExamples.ts';

/** A resolved alignment of one site, as `pyvene_align.py` reads it. */
export function pyvenePlan({ experiment, train, test, sites }: ResolvedAlign) {
  const { intervention, training } = experiment;
  const [site] = sites;
  const example = ({ base, source, label, places: [place] }: ResolvedExample) => ({
    base,
    source,
    labels: label.ids,
    basePositions: place?.base,
    sourcePositions: place?.source,
  });
  return {
    component: site?.component,
    layer: site?.layer,
    heads: site?.heads ?? null,
    ...intervention,
    ...training,
    train: train.map(example),
    test: test.map(example),
  };
}
