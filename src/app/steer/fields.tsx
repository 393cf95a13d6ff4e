// The fields of the Steer page: a label, what is typed, and what is wrong with it beside it.

import { type ReactNode, useId } from 'react';
import { useProblem } from './hooks.ts';

interface SteerFieldProps {
  readonly label: string;
  /** The name of its control among the draft's problems. */
  readonly name: string;
  readonly value: string;
  readonly hint?: string;
  readonly placeholder?: string;
  readonly isText?: boolean;
  readonly after?: ReactNode;
  readonly onChange: (value: string) => void;
}

export function SteerField(props: SteerFieldProps) {
  const { label, name, value, hint, placeholder, isText = false, after, onChange } = props;
  const problem = useProblem(name);
  const id = useId();
  const isHinted = problem !== undefined || hint !== undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <span className="field-line">
        <input
          id={id}
          className={isText ? 'mono' : 'field-number'}
          inputMode={isText ? 'text' : 'decimal'}
          value={value}
          placeholder={placeholder}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby={isHinted ? `${id}-hint` : undefined}
          onChange={(event) => onChange(event.target.value)}
        />
        {after}
      </span>
      {isHinted && (
        <span id={`${id}-hint`} className={problem === undefined ? 'field-hint' : 'field-problem'}>
          {problem ?? hint}
        </span>
      )}
    </div>
  );
}

/** What is wrong with a part of the page that is no single field. */
export function Problem({ name }: { readonly name: string }) {
  const problem = useProblem(name);
  return problem === undefined ? null : <p className="field-problem">{problem}</p>;
}

interface CheckProps {
  readonly label: string;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}

export function Check({ label, isOn, onChange }: CheckProps) {
  return (
    <label className="check-line">
      <input type="checkbox" checked={isOn} onChange={(event) => onChange(event.target.checked)} />
      {label}
    </label>
  );
}
