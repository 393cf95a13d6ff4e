// What a result has measured of the vectors that stand in the document: only of those that are still made as they were.

import type { SteerVector } from '../../experiments/steer/experiment.ts';
import type { SteerResult, VectorResult, VectorSite } from '../../experiments/steer/result.ts';
import type { EditField } from './document.ts';
import { useOwn } from './hooks.ts';
import { wholeNumbersIn } from './numberFields.ts';

const same = (a: SteerVector | undefined, b: SteerVector | undefined): boolean =>
  a !== undefined && JSON.stringify(a) === JSON.stringify(b);

/** @param vectors as the document makes them now; null while something of it is wrong */
export function measuredVector(
  name: string,
  vectors: readonly SteerVector[] | null,
  result: SteerResult | null,
): VectorResult | null {
  if (vectors === null || result === null) return null;
  const of = (all: readonly SteerVector[]) => all.find((vector) => vector.name === name);
  if (!same(of(vectors), of(result.experiment.vectors))) return null;
  return result.vectors.find((vector) => vector.name === name) ?? null;
}

/** The first of the sites at which an edit acts. */
export function siteOfEdit({ layers, heads }: EditField, vector: VectorResult | null): VectorSite | null {
  if (vector === null) return null;
  const [layer] = wholeNumbersIn(layers) ?? [];
  const [head] = wholeNumbersIn(heads) ?? [];
  return (
    vector.sites.find(
      (site) => (layer === undefined || site.layer === layer) && (head === undefined || site.head === head),
    ) ?? null
  );
}

/** The result whose vectors are those of the model in use. */
export const useMeasuredResult = (): SteerResult | null =>
  useOwn(({ shown, world }) => {
    if (shown === null) return null;
    const { result } = shown;
    const isOther =
      world.model !== null &&
      (world.model.label !== result.experiment.model ||
        (result.model.fingerprint !== undefined &&
          world.model.fingerprint !== undefined &&
          result.model.fingerprint !== world.model.fingerprint));
    return isOther ? null : result;
  });

export function useMeasured(name: string): VectorResult | null {
  const vectors = useOwn(({ draft }) => draft.experiment?.vectors ?? null);
  const result = useMeasuredResult();
  return measuredVector(name, vectors, result);
}
