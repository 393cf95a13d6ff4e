// Labelled fields of the document, each with a hint, or with what is wrong with it.

import { type ReactNode, useId } from 'react';
import { Choice } from '../experiment/Choice.tsx';
import { TextField } from '../experiment/TextField.tsx';
import type { AlignDocument, TrainingFields } from './document.ts';
import { useDocument, useEdit, useProblems } from './hooks.ts';

interface FieldProps {
  readonly label: string;
  readonly hint: string;
  /** By which its problem is known. */
  readonly name: string;
  readonly value: string;
  /** How many lines; default one. */
  readonly rows?: number;
  readonly isNumber?: boolean;
  readonly after?: ReactNode;
  readonly onChange: (value: string) => void;
}

export function Field({ label, hint, name, value, rows, isNumber = false, after, onChange }: FieldProps) {
  const id = useId();
  const problem = useProblems().get(name);
  if (rows === undefined)
    return <TextField {...{ label, hint, value, problem, after, onChange }} isText={!isNumber} />;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <span className="field-line">
        <textarea
          id={id}
          className="prompt-text mono align-lines"
          rows={rows}
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

type TextOf<T> = { readonly [Key in keyof T]: T[Key] extends string ? Key : never }[keyof T];

interface OwnFieldProps<Name extends string> extends Omit<FieldProps, 'name' | 'value' | 'onChange'> {
  readonly name: Name;
}

/** A field of the document. */
export function DocumentField({ name, ...rest }: OwnFieldProps<Extract<TextOf<AlignDocument>, string>>) {
  const document = useDocument();
  const edit = useEdit();
  return (
    <Field
      {...rest}
      name={name}
      value={String(document[name])}
      onChange={(value) => edit((before) => ({ ...before, [name]: value }), name)}
    />
  );
}

/** A field of the training. */
export function TrainingField({ name, ...rest }: OwnFieldProps<Extract<TextOf<TrainingFields>, string>>) {
  const { training } = useDocument();
  const edit = useEdit();
  return (
    <Field
      {...rest}
      isNumber
      name={name}
      value={training[name]}
      onChange={(value) =>
        edit((before) => ({ ...before, training: { ...before.training, [name]: value } }), name)
      }
    />
  );
}

/** A choice of the document. */
export function DocumentChoice<Name extends 'type' | 'component'>({
  name,
  ...rest
}: {
  readonly name: Name;
  readonly label: string;
  readonly hint: string;
  readonly choices: readonly (readonly [AlignDocument[Name], string])[];
}) {
  const document = useDocument();
  const edit = useEdit();
  return (
    <Choice
      {...rest}
      value={document[name]}
      onChange={(value) => edit((before) => ({ ...before, [name]: value }))}
    />
  );
}
