// A strength in three units: the factor on the vector, the length of what is added in median lengths of the states there, and
// the same in spreads of the states' projections. What a site measures turns one into the others.

import type { StrengthUnit } from '../../experiments/steer/experiment.ts';
import type { VectorSite } from '../../experiments/steer/result.ts';
import { type EditField, hasStrength } from './document.ts';
import { numberIn } from './numberFields.ts';

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

type NumbersOfEdit = Pick<EditField, 'unit' | 'strength' | 'amount' | 'whileBelow'>;

/** Whether an edit has a number that its unit is of; `keep` of an ablation is a share. */
export const hasUnit = ({ map, whileBelow }: Pick<EditField, 'map' | 'whileBelow'>): boolean =>
  hasStrength({ map }) || map === 'set' || map === 'cap' || whileBelow.trim() !== '';

/**
 * An edit's numbers in another unit, so that it does the same; what cannot be turned, for nothing was measured, stays as it is
 * written. Numbers along the vector are lengths themselves: their raw unit is 1, and not the vector.
 */
export function inUnit(
  edit: NumbersOfEdit & Pick<EditField, 'map'>,
  unit: StrengthUnit,
  site: Measured | null,
): NumbersOfEdit {
  const turned = (text: string, norm: number): string => {
    const value = numberIn(text);
    if (site === null || Number.isNaN(value)) return text;
    const same = inUnits(value, edit.unit, { ...site, norm })[unit];
    return same === null ? text : String(Number(same.toPrecision(6)));
  };
  return {
    unit,
    strength: turned(edit.strength, site?.norm ?? 0),
    amount: edit.map === 'set' || edit.map === 'cap' ? turned(edit.amount, 1) : edit.amount,
    whileBelow: turned(edit.whileBelow, 1),
  };
}
