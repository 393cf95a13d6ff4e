// What both sides of bench/align are given: one site, or several that are trained together, and prompts as ids.

import type { ResolvedAlign } from '../../src/experiments/align/resolve.ts';
import type { ResolvedExample } from '../../src/experiments/align/resolveExamples.ts';
import { partsOf } from '../../src/experiments/align/sites.ts';
import { partName, trainableOf } from '../../src/experiments/align/trainable.ts';

/** A resolved alignment of one site, as `pyvene_align.py` reads it. */
export function pyvenePlan(align: ResolvedAlign) {
  const { experiment, train, test, sites } = align;
  const { intervention, training } = experiment;
  const [site] = sites;
  const parts = site ? partsOf(align, site) : [];
  const { trained } = trainableOf(experiment, parts);
  const example = (given: ResolvedExample) => ({
    base: given.base,
    labels: given.label.ids,
    sources: parts.map(({ sourceOf }) => sourceOf(given)),
    basePositions: parts.map(({ placeOf }) => placeOf(given).base),
    sourcePositions: parts.map(({ placeOf }) => placeOf(given).source),
  });
  return {
    ...intervention,
    ...training,
    parts: parts.map(({ site: { component, layer, heads = null } }, at) => {
      const rotation = trained[partName(at, 'rotation')];
      return {
        component,
        layer,
        heads,
        start: rotation ? [...rotation.data] : null,
        completion: rotation?.completion ? [...rotation.completion] : null,
      };
    }),
    train: train.map(example),
    test: test.map(example),
  };
}
