// A strength on a slider that moves in the relative unit, so that layers compare, with the number as it was given and the same
// strength in all three units.

import { useId } from 'react';
import type { StrengthUnit } from '../../experiments/steer/experiment.ts';
import type { VectorSite } from '../../experiments/steer/result.ts';
import { type EditField, hasStrength } from './document.ts';
import { numberIn } from './numberFields.ts';
import { inUnit, inUnits, type Strengths } from './units.ts';

const unitWords: Readonly<Record<StrengthUnit, string>> = {
  relative: '× median state',
  raw: '× vector',
  sigma: 'σ of projections',
};

/** Of numbers along the vector: the projection itself, or in lengths or spreads. */
const projectionUnits: Readonly<Record<StrengthUnit, string>> = {
  relative: '× median state',
  raw: 'as it is',
  sigma: 'σ of projections',
};

const strengthUnits = ['relative', 'raw', 'sigma'] as const;

const most = 2;
const step = 0.05;

/** `0.5`, `−1.25`, three digits */
export const formatStrength = (value: number): string =>
  String(Number(value.toPrecision(3))).replace('-', '\u2212');

interface UnitSelectProps {
  /** Where no label stands beside it. */
  readonly label?: string;
  readonly edit: EditField;
  readonly site: VectorSite | null;
  readonly id?: string;
  readonly onChange: (change: Partial<EditField>) => void;
}

/** The same edit in another unit, where what it comes to is known. */
export function UnitSelect({ label, edit, site, id, onChange }: UnitSelectProps) {
  return (
    <select
      id={id}
      className="select"
      aria-label={label}
      value={edit.unit}
      onChange={(event) => {
        const next = strengthUnits.find((each) => each === event.target.value);
        if (next !== undefined) onChange(inUnit(edit, next, site));
      }}
    >
      {strengthUnits.map((each) => (
        <option key={each} value={each}>
          {(hasStrength(edit) ? unitWords : projectionUnits)[each]}
        </option>
      ))}
    </select>
  );
}

interface StrengthFieldProps {
  readonly name: string;
  readonly edit: EditField;
  /** What was measured where it acts; null before anything was. */
  readonly site: VectorSite | null;
  readonly problem: string | undefined;
  readonly onChange: (change: Partial<EditField>) => void;
}

/** The other two units in words. */
function others(strengths: Strengths, unit: StrengthUnit): string {
  return strengthUnits
    .filter((other) => other !== unit)
    .flatMap((other) => {
      const value = strengths[other];
      return value === null ? [] : [`${formatStrength(value)} ${unitWords[other]}`];
    })
    .join(' = ');
}

export function StrengthField({ name, edit, site, problem, onChange }: StrengthFieldProps) {
  const id = useId();
  const { strength, unit } = edit;
  const value = numberIn(strength);
  const strengths: Strengths = site
    ? inUnits(value, unit, site)
    : { raw: null, relative: null, sigma: null, [unit]: value };
  const relative = strengths.relative;
  const isKnown = relative !== null && !Number.isNaN(relative);
  const said = others(strengths, unit);
  // It gives the edit another unit, and a bound in the one that stands there would become another bound.
  const isFixed = !isKnown && unit !== 'relative' && edit.whileBelow.trim() !== '';
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
        disabled={isFixed}
        value={isKnown ? Math.min(most, Math.max(-most, relative)) : 0}
        data-unknown={!isKnown}
        onChange={(event) => onChange({ ...inUnit(edit, 'relative', site), strength: event.target.value })}
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
        <UnitSelect label={`Unit of the strength of ${name}`} edit={edit} site={site} onChange={onChange} />
      </span>
      <span id={`${id}-said`} className={problem === undefined ? 'mute small' : 'field-problem'}>
        {problem ?? (said === '' || Number.isNaN(value) ? 'Other units are known after a run' : `= ${said}`)}
      </span>
    </div>
  );
}
