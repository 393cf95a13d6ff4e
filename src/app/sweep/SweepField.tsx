// A field of the experiment: a label, what is typed, and a hint or what is wrong with it. What is half typed stays as it is
// typed for as long as it says the same as the experiment.

import { useId, useState } from 'react';
import { useProblems, useSweepDocument, useSweepPage } from './hooks.ts';
import type { Notation } from './notations.ts';

interface SweepFieldProps<Value> {
  readonly label: string;
  readonly hint: string;
  /** Its place in the file: `sweeps.0.window`. */
  readonly name: string;
  readonly notation: Notation<Value>;
  readonly value: Value;
  readonly placeholder?: string;
  readonly isNumber?: boolean;
  /** How many lines; default one. */
  readonly rows?: number;
  /** @param read what the text says; throws what is wrong with it */
  readonly onText: (field: string, text: string, read: () => Value) => void;
}

/** As it would be written; null for what cannot be read. */
function normal<Value>({ read, write }: Notation<Value>, text: string): string | null {
  try {
    return write(read(text));
  } catch {
    return null;
  }
}

export function SweepField<Value>(props: SweepFieldProps<Value>) {
  const { label, hint, name, notation, value, placeholder, isNumber = false, rows, onText } = props;
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const unfinished = useSweepDocument(useSweepPage())?.unfinished[name];
  const problem = useProblems().get(name);
  const written = notation.write(value);
  const isTyped = typed !== null && unfinished === undefined && normal(notation, typed) === written;
  const shared = {
    id,
    value: unfinished?.text ?? (isTyped ? typed : written),
    placeholder,
    autoComplete: 'off',
    spellCheck: false,
    'aria-invalid': problem !== undefined,
    'aria-describedby': `${id}-hint`,
    onBlur: () => setTyped(null),
  };
  const change = (text: string) => {
    setTyped(text);
    onText(name, text, () => notation.read(text));
  };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {rows === undefined ? (
        <input
          {...shared}
          className={isNumber ? 'field-number' : 'mono'}
          inputMode={isNumber ? 'numeric' : 'text'}
          onChange={({ target }) => change(target.value)}
        />
      ) : (
        <textarea
          {...shared}
          className="prompt-text mono sweep-lines"
          rows={rows}
          onChange={({ target }) => change(target.value)}
        />
      )}
      <span id={`${id}-hint`} className={problem === undefined ? 'field-hint' : 'field-problem'}>
        {problem ?? hint}
      </span>
    </div>
  );
}

/** What is wrong with a control that is a choice. */
export function Problem({ name }: { readonly name: string }) {
  const problem = useProblems().get(name);
  return problem === undefined ? null : <p className="field-problem">{problem}</p>;
}
