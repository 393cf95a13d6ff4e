// A labelled line of text or a number, with a hint, or with what is wrong with it.

import { type ReactNode, useId } from 'react';

export interface TextFieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly value: string;
  /** Takes the hint's place. */
  readonly problem?: string | undefined;
  /** Default a number. */
  readonly isText?: boolean;
  readonly placeholder?: string | undefined;
  /** Id of a list of suggestions. */
  readonly list?: string | undefined;
  readonly after?: ReactNode;
  readonly onChange: (value: string) => void;
}

export function TextField(props: TextFieldProps) {
  const { label, hint, value, problem, isText = false, placeholder, list, after, onChange } = props;
  const id = useId();
  const words = problem ?? hint;
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
          list={list}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby={words === undefined ? undefined : `${id}-hint`}
          onChange={(event) => onChange(event.target.value)}
        />
        {after}
      </span>
      {words !== undefined && (
        <span id={`${id}-hint`} className={problem === undefined ? 'field-hint' : 'field-problem'}>
          {words}
        </span>
      )}
    </div>
  );
}
