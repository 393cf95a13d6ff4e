// A strength on a slider that moves in the relative unit, so that layers compare, with the number as it was given and the same
// strength in all three units.

import { useId } from 'react';
import type { StrengthUnit } from '../../experiments/steer/experiment.ts';
import type { VectorSite } from '../../experiments/steer/result.ts';
import { numberIn } from './numberFields.ts';
import { inUnits, type Strengths } from './units.ts';

const unitWords: Readonly<Record<StrengthUnit, string>> = {
  relative: '× median state',
  raw: '× vector',
  sigma: 'σ of projections',
};

const most = 2;
const step = 0.05;

/** `0.5`, `−1.25`, three digits */
export const formatStrength = (value: number): string =>
  String(Number(value.toPrecision(3))).replace('-', '\u2212');

interface StrengthFieldProps {
  readonly name: string;
  readonly strength: string;
  readonly unit: StrengthUnit;
  /** What was measured where it acts; null before anything was. */
  readonly site: VectorSite | null;
  readonly problem: string | undefined;
  readonly onChange: (change: { readonly strength: string; readonly unit?: StrengthUnit }) => void;
}

/** The other two units in words. */
function others(strengths: Strengths, unit: StrengthUnit): string {
  return (['relative', 'raw', 'sigma'] as const)
    .filter((other) => other !== unit)
    .flatMap((other) => {
      const value = strengths[other];
      return value === null ? [] : [`${formatStrength(value)} ${unitWords[other]}`];
    })
    .join(' = ');
}

export function StrengthField({ name, strength, unit, site, problem, onChange }: StrengthFieldProps) {
  const id = useId();
  const value = numberIn(strength);
  const strengths: Strengths = site
    ? inUnits(value, unit, site)
    : { raw: null, relative: null, sigma: null, [unit]: value };
  const relative = strengths.relative;
  const isKnown = relative !== null && !Number.isNaN(relative);
  const said = others(strengths, unit);
  return (
    <div className="strength">
      <input
        type="range"
        className="strength-slider"
        aria-label={`Strength of ${name}, in median lengths of the states`}
        aria-valuetext={
          isKnown ? `${formatStrength(relative)} times the median state` : 'not known before a run'
        }
        min={-most}
        max={most}
        step={step}
        list={`${id}-marks`}
        value={isKnown ? Math.min(most, Math.max(-most, relative)) : 0}
        data-unknown={!isKnown}
        onChange={(event) => onChange({ strength: event.target.value, unit: 'relative' })}
      />
      <datalist id={`${id}-marks`}>
        <option value="0" />
      </datalist>
      <span className="strength-number">
        <input
          className="mono"
          inputMode="decimal"
          aria-label={`Strength of ${name}`}
          aria-invalid={problem !== undefined}
          aria-describedby={`${id}-said`}
          value={strength}
          autoComplete="off"
          onChange={(event) => onChange({ strength: event.target.value })}
        />
        <select
          className="select"
          aria-label={`Unit of the strength of ${name}`}
          value={unit}
          onChange={(event) => {
            const next = (['relative', 'raw', 'sigma'] as const).find((each) => each === event.target.value);
            if (next === undefined) return;
            // The same strength in the other unit, where that is known.
            const same = strengths[next];
            onChange({
              strength: same === null || Number.isNaN(same) ? strength : String(Number(same.toPrecision(6))),
              unit: next,
            });
          }}
        >
          {(['relative', 'raw', 'sigma'] as const).map((each) => (
            <option key={each} value={each}>
              {unitWords[each]}
            </option>
          ))}
        </select>
      </span>
      <span id={`${id}-said`} className={problem === undefined ? 'mute small' : 'field-problem'}>
        {problem ?? (said === '' || Number.isNaN(value) ? 'Other units are known after a run' : `= ${said}`)}
      </span>
    </div>
  );
}
