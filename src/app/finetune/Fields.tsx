// Labelled fields, each with a hint, or with what is wrong with it.

import { Choice } from '../experiment/Choice.tsx';
import { TextField, type TextFieldProps } from '../experiment/TextField.tsx';
import type { AdapterFields, FinetuneDocument, TrainingFields } from './document.ts';
import { changedAdapter } from './document.ts';
import { type AdapterField, adapterField } from './draft.ts';
import { useDocument, useEdit, useProblems } from './hooks.ts';

interface FieldProps extends Omit<TextFieldProps, 'problem'> {
  /** By which its problem is known. */
  readonly name: string;
}

export function Field({ name, ...rest }: FieldProps) {
  return <TextField {...rest} problem={useProblems().get(name)} />;
}

type TextOf<T> = Extract<
  {
    readonly [Key in keyof T]: T[Key] extends string ? (string extends T[Key] ? Key : never) : never;
  }[keyof T],
  string
>;

interface OwnFieldProps<Name extends string> {
  readonly name: Name;
  readonly label: string;
  readonly hint: string;
}

/** A field of the document. */
export function DocumentField({ name, ...rest }: OwnFieldProps<TextOf<FinetuneDocument>>) {
  const document = useDocument();
  const edit = useEdit();
  return (
    <Field
      {...rest}
      name={name}
      value={document[name]}
      onChange={(value) => edit((before) => ({ ...before, [name]: value }), name)}
    />
  );
}

/** A field of the training. */
export function TrainingField({ name, ...rest }: OwnFieldProps<TextOf<TrainingFields>>) {
  const { training } = useDocument();
  const edit = useEdit();
  return (
    <Field
      {...rest}
      name={name}
      value={training[name]}
      onChange={(value) =>
        edit((before) => ({ ...before, training: { ...before.training, [name]: value } }), name)
      }
    />
  );
}

interface AdapterFieldProps extends OwnFieldProps<Exclude<AdapterField, 'type' | 'where'>> {
  readonly adapter: AdapterFields;
  readonly isText?: boolean;
}

/** A field of one adapter. */
export function FieldOfAdapter({ adapter, name, ...rest }: AdapterFieldProps) {
  const edit = useEdit();
  const field = adapterField(adapter.id, name);
  return (
    <Field
      {...rest}
      name={field}
      value={adapter[name]}
      onChange={(value) => edit((before) => changedAdapter(before, adapter.id, { [name]: value }), field)}
    />
  );
}

interface ProblemChoiceProps<Value extends string> {
  readonly label: string;
  readonly hint?: string;
  /** By which its problem is known. */
  readonly name: string;
  readonly value: Value;
  readonly choices: readonly (readonly [Value, string])[];
  readonly onChange: (value: Value) => void;
}

/** A choice, with what is wrong with it. */
export function ProblemChoice<Value extends string>({ name, hint, ...rest }: ProblemChoiceProps<Value>) {
  const problem = useProblems().get(name);
  return (
    <div className="tune-choice">
      <Choice {...rest} {...(problem === undefined && hint !== undefined ? { hint } : {})} />
      {problem !== undefined && <p className="field-problem">{problem}</p>}
    </div>
  );
}

/** What is wrong with a part that is no single field. */
export function Problem({ name }: { readonly name: string }) {
  const problem = useProblems().get(name);
  return problem === undefined ? null : <p className="field-problem">{problem}</p>;
}
