// The fields of the Steer page: a label, what is typed, and what is wrong with it beside it.

import { TextField, type TextFieldProps } from '../experiment/TextField.tsx';
import { useProblem } from './hooks.ts';

interface SteerFieldProps extends Omit<TextFieldProps, 'problem'> {
  /** The name of its control among the draft's problems. */
  readonly name: string;
}

export function SteerField({ name, ...rest }: SteerFieldProps) {
  return <TextField {...rest} problem={useProblem(name)} />;
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
