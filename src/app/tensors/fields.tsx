// Fields of the Tensors page: text with suggestions, and numbers that may be half typed.

import { useId, useState } from 'react';

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
  readonly problem?: string | undefined;
  /** Id of a list of suggestions. */
  readonly list?: string;
  readonly onChange: (value: string) => void;
}

export function TextField({ label, value, hint, problem, list, onChange }: TextFieldProps) {
  const id = useId();
  const words = problem ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="mono"
        value={value}
        list={list}
        autoComplete="off"
        spellCheck={false}
        aria-invalid={problem !== undefined}
        aria-describedby={words === undefined ? undefined : `${id}-hint`}
        onChange={(event) => onChange(event.target.value)}
      />
      {words !== undefined && (
        <span id={`${id}-hint`} className={problem === undefined ? 'field-hint' : 'field-problem'}>
          {words}
        </span>
      )}
    </div>
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly isValid: (value: number) => boolean;
  readonly hint: string;
  readonly onChange: (value: number) => void;
}

/** What is typed stands there as it is; the experiment has the last number that was valid. */
export function NumberField({ label, value, isValid, hint, onChange }: NumberFieldProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const isWrong = typed !== null && (typed.trim() === '' || !isValid(Number(typed)));
  const isOwn = typed !== null && (isWrong || Number(typed) === value);
  return (
    <TextField
      label={label}
      value={isOwn ? typed : String(value)}
      hint={hint}
      problem={isWrong ? `${typed.trim() === '' ? 'Nothing' : `'${typed}'`} is none: ${hint}` : undefined}
      onChange={(text) => {
        setTyped(text);
        if (text.trim() !== '' && isValid(Number(text))) onChange(Number(text));
      }}
    />
  );
}
