// What is measured of each run.

import { useState } from 'react';
import type { TensorsExperiment, Watched } from '../../experiments/tensors/experiment.ts';
import { Choice } from '../experiment/Choice.tsx';
import { TextField } from '../experiment/TextField.tsx';
import { atText, atTyped, entryTyped, measures, withMeasure } from './formed.ts';
import { useEdit, useStructure } from './hooks.ts';

/** An entry of an output: its number, or its label where the model's files name them. */
function EntryField({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: number | string | undefined;
  readonly onChange: (text: string) => void;
}) {
  const { labels } = useStructure() ?? {};
  return (
    <TextField
      isText
      label={label}
      value={value === undefined ? '' : String(value)}
      {...(labels ? { list: 'label-names' } : {})}
      hint={labels ? 'A label or a number.' : 'A number.'}
      onChange={onChange}
    />
  );
}

function AtField({ watched }: { readonly watched: Exclude<Watched, { readonly kind: 'scalar' }> }) {
  const edit = useEdit();
  const [wrong, setWrong] = useState<string | null>(null);
  return (
    <TextField
      isText
      label="At which place"
      value={wrong ?? atText(watched)}
      hint="Where the output has positions: 0 for the first, -1 for the last, or mean."
      problem={wrong === null ? undefined : atTyped(wrong).problem}
      onChange={(text) => {
        const { at, problem } = atTyped(text);
        setWrong(problem === undefined ? null : text);
        if (problem !== undefined) return;
        edit((present) => {
          if (present.watched.kind === 'scalar') return present;
          const { at: _, ...rest } = present.watched;
          return { ...present, watched: at === undefined ? rest : { ...rest, at } };
        }, 'at');
      }}
    />
  );
}

export function WatchedFields({ experiment }: { readonly experiment: TensorsExperiment }) {
  const structure = useStructure();
  const edit = useEdit();
  const { watched } = experiment;
  const change = (next: Watched, field?: string) => edit((present) => ({ ...present, watched: next }), field);
  const outputs = structure?.outputs.map(({ name, axes }) => [name, `${name} ${axes}`] as const) ?? [];
  return (
    <div className="tensors-fields">
      {structure?.labels && (
        <datalist id="label-names">
          {structure.labels.map((label) => (
            <option key={label} value={label} />
          ))}
        </datalist>
      )}
      <Choice
        label="Measured is"
        value={watched.kind}
        choices={measures}
        onChange={(kind) => change(withMeasure(watched, kind))}
      />
      {outputs.length > 1 && (
        <Choice
          label="Of the output"
          value={watched.output ?? structure?.usualOutput ?? ''}
          choices={outputs}
          onChange={(output) => change({ ...watched, output })}
        />
      )}
      {(watched.kind === 'entry' || watched.kind === 'probability' || watched.kind === 'difference') && (
        <EntryField
          label="Entry; empty for the clean run's largest"
          value={watched.entry}
          onChange={(text) => {
            const { entry: _, ...rest } = watched;
            const entry = entryTyped(text);
            change(entry === undefined ? rest : { ...rest, entry }, 'entry');
          }}
        />
      )}
      {watched.kind === 'difference' && (
        <EntryField
          label="Minus"
          value={watched.minus}
          onChange={(text) => change({ ...watched, minus: entryTyped(text) ?? 0 }, 'minus')}
        />
      )}
      {watched.kind !== 'scalar' && <AtField watched={watched} />}
    </div>
  );
}
