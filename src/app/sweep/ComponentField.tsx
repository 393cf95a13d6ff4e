// A component of the model, chosen by its name.

import { useId } from 'react';
import { ComponentOptions } from '../patch/ComponentOptions.tsx';
import { useProblems } from './hooks.ts';
import { useComponents } from './useComponents.ts';

interface ComponentFieldProps {
  readonly name: string;
  readonly value: string;
  readonly onChange: (component: string) => void;
}

export function ComponentField({ name, value, onChange }: ComponentFieldProps) {
  const id = useId();
  const { names } = useComponents();
  const problem = useProblems().get(name);
  // What a file names and this model does not have stays in view, with the sentence that says so.
  const all = names.includes(value) ? names : [...names, value];
  return (
    <div className="field">
      <label htmlFor={id}>Component</label>
      <select
        id={id}
        className="select"
        value={value}
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-hint`}
        onChange={({ target }) => onChange(target.value)}
      >
        <ComponentOptions names={all} />
      </select>
      <span id={`${id}-hint`} className={problem === undefined ? 'field-hint mono' : 'field-problem'}>
        {problem ?? value}
      </span>
    </div>
  );
}
