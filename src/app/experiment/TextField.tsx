// A labelled line of text or a number, with a hint, or with what is wrong with it.

import { type ReactNode, useId } from 'react';

export interface TextFieldProps {
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  /** Takes the hint's place. */
  readonly problem?: string | undefined;
  /** Default a number. */
  readonly isText?: boolean;
  readonly after?: ReactNode;
  readonly onChange: (value: string) => void;
}

export function TextField({ label, hint, value, problem, isText = false, after, onChange }: TextFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <span className="field-line">
        <input
          id={id}
          className={isText ? 'mono' : 'field-number'}
          inputMode={isText ? 'text' : 'decimal'}
          value={value}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby={`${id}-hint`}
          onChange={(event) => onChange(event.target.value)}
        />
        {after}
      </span>
      <span id={`${id}-hint`} className={problem === undefined ? 'field-hint' : 'field-problem'}>
        {problem ?? hint}
      </span>
    </div>
  );
}
