// Fields of a cable's properties: numbers, a partition with its subspaces, and the two ends.

import { useEffect, useId, useState } from 'react';
import { useBench, usePatchDraft } from './benchContext.tsx';
import type { Cable, Place } from './document.ts';
import { lengthIn } from './draft.ts';
import { layerCountAt } from './stacks.ts';

interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly least: number;
  readonly most?: number;
  readonly onChange: (value: number) => void;
}

/** A whole number; what is half typed stays in the field and changes nothing. */
export function NumberField({ label, value, least, most, onChange }: NumberFieldProps) {
  const [text, setText] = useState(String(value));
  useEffect(() => setText(String(value)), [value]);
  const read = /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  const isValid = read >= least && (most === undefined || read <= most);
  return (
    <label className="field">
      {label}
      <input
        className="field-number"
        inputMode="numeric"
        value={text}
        aria-invalid={!isValid}
        onChange={({ target }) => {
          setText(target.value);
          const next = /^\s*\d+\s*$/.test(target.value) ? Number(target.value) : Number.NaN;
          if (next >= least && (most === undefined || next <= most)) onChange(next);
        }}
      />
      {!isValid && (
        <span className="field-problem">
          A whole number from {least}
          {most === undefined ? '' : ` to ${most}`}
        </span>
      )}
    </label>
  );
}

/** `0-8, 8-16` as ranges of entries, the end not included; null where it is none. */
export function readPartition(text: string): readonly (readonly number[])[] | null {
  const cells = text
    .split(',')
    .map((part) => /^\s*(\d+)\s*[-–]\s*(\d+)\s*$/.exec(part))
    .map((match) => match && [Number(match[1]), Number(match[2])]);
  return cells.every((cell) => cell !== null) ? cells : null;
}

const partitionText = (partition: Cable['settings']['partition']): string =>
  partition
    ?.map((cell) => `${cell[0] ?? 0}-${cell.length === 2 ? (cell[1] ?? 0) : (cell.at(-1) ?? 0) + 1}`)
    .join(', ') ?? '';

export function PartitionField({ cable, why }: { readonly cable: Cable; readonly why: string | null }) {
  const { changeCable } = useBench();
  const { settings } = cable;
  const [text, setText] = useState(partitionText(settings.partition));
  const field = useId();
  const read = text.trim() === '' ? [] : readPartition(text);
  const set = (partition: readonly (readonly number[])[] | null, subspaces?: readonly number[]) => {
    const { partition: _, subspaces: __, ...rest } = settings;
    changeCable(cable.id, {
      settings: {
        ...rest,
        ...(partition && partition.length > 0 ? { partition } : {}),
        ...(partition && partition.length > 0 && subspaces && subspaces.length > 0 ? { subspaces } : {}),
      },
    });
  };
  return (
    <div className="field">
      <label htmlFor={field}>Partition into subspaces</label>
      <input
        id={field}
        className="mono"
        value={text}
        placeholder="0-64, 64-128"
        aria-disabled={why !== null}
        readOnly={why !== null}
        title={why ?? undefined}
        aria-invalid={read === null}
        onChange={({ target }) => {
          setText(target.value);
          const next = target.value.trim() === '' ? [] : readPartition(target.value);
          if (next !== null) set(next, settings.subspaces);
        }}
      />
      {read === null && (
        <span className="field-problem">Ranges from-to with commas, such as 0-64, 64-128</span>
      )}
      {why !== null && <span className="small mute">{why}</span>}
      {settings.partition && (
        <span className="field-line">
          {settings.partition.map((_, cell) => {
            const chosen = settings.subspaces ?? [];
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: a subspace is its number
              <label key={cell} className="check-line">
                <input
                  type="checkbox"
                  checked={chosen.includes(cell)}
                  onChange={({ target }) =>
                    set(
                      settings.partition ?? [],
                      target.checked
                        ? [...chosen, cell].toSorted((a, b) => a - b)
                        : chosen.filter((other) => other !== cell),
                    )
                  }
                />
                {cell}
              </label>
            );
          })}
          <span className="mute small">
            {(settings.subspaces ?? []).length === 0 ? 'none named: all' : ''}
          </span>
        </span>
      )}
    </div>
  );
}

function PlaceField({
  label,
  place,
  onChange,
}: {
  readonly label: string;
  readonly place: Place;
  readonly onChange: (place: Place) => void;
}) {
  const { outline, tokens } = usePatchDraft();
  if (!outline || !tokens) return null;
  const length = lengthIn(tokens, outline)(place);
  const { positions } = place;
  return (
    <fieldset className="cable-place">
      <legend>{label}</legend>
      {place.layer !== null && (
        <NumberField
          label="Layer"
          value={place.layer}
          least={0}
          most={layerCountAt(outline, place.component) - 1}
          onChange={(layer) => onChange({ ...place, layer })}
        />
      )}
      {positions !== 'all' && positions.length === 1 && (
        <NumberField
          label="Position"
          value={positions[0] ?? 0}
          least={0}
          most={Math.max(0, length - 1)}
          onChange={(position) => onChange({ ...place, positions: [position] })}
        />
      )}
      {place.heads && place.heads.length === 1 && (
        <NumberField
          label="Head"
          value={place.heads[0] ?? 0}
          least={0}
          onChange={(head) => onChange({ ...place, heads: [head] })}
        />
      )}
    </fieldset>
  );
}

export function PlaceFields({ cable }: { readonly cable: Cable }) {
  const { changeCable } = useBench();
  const { from, to } = cable;
  return (
    <div className="cable-places">
      {from && (
        <PlaceField label="From" place={from} onChange={(place) => changeCable(cable.id, { from: place })} />
      )}
      <PlaceField label="To" place={to} onChange={(place) => changeCable(cable.id, { to: place })} />
    </div>
  );
}
