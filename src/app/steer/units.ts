// A strength in three units: the factor on the vector, the length of what is added in median lengths of the states there, and
// the same in spreads of the states' projections. What a site measures turns one into the others.

import type { StrengthUnit } from '../../experiments/steer/experiment.ts';
import type { VectorSite } from '../../experiments/steer/result.ts';

export type Strengths = Readonly<Record<StrengthUnit, number | null>>;

type Measured = Pick<VectorSite, 'norm' | 'medianNorm' | 'spread'>;

/** What one of a unit is in lengths of what is added; null where it was not measured. */
function lengthOf(unit: StrengthUnit, { norm, medianNorm, spread }: Measured): number | null {
  const length = { raw: norm, relative: medianNorm, sigma: spread }[unit];
  return length !== null && length > 0 ? length : null;
}

export function inUnits(strength: number, unit: StrengthUnit, site: Measured): Strengths {
  const own = lengthOf(unit, site);
  const to = (other: StrengthUnit): number | null => {
    if (other === unit) return strength;
    const length = lengthOf(other, site);
    return own === null || length === null ? null : (strength * own) / length;
  };
  return { raw: to('raw'), relative: to('relative'), sigma: to('sigma') };
}
