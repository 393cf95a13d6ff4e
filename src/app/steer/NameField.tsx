// A name that others hang on: typed freely, and taken when the field is left or Enter is pressed. At each keystroke it would pass
// through the names of others.

import { useId, useState } from 'react';
import type { SteerDocument } from './document.ts';
import { useDocument, useEdit, useProblem } from './hooks.ts';

interface NameFieldProps {
  /** The name of its control among the draft's problems. */
  readonly control: string;
  readonly name: string;
  /** Why a name cannot be taken; null where it can. */
  readonly problemOf: (document: SteerDocument, name: string) => string | null;
  readonly rename: (document: SteerDocument, name: string) => SteerDocument;
}

export function NameField({ control, name, problemOf, rename }: NameFieldProps) {
  const document = useDocument();
  const edit = useEdit();
  const id = useId();
  const standing = useProblem(control);
  const [typed, setTyped] = useState<{ readonly text: string; readonly of: string } | null>(null);
  // What was typed over a name that an undo has taken away is of no use.
  const text = typed?.of === name ? typed.text : name;
  const refusal = text === name ? null : problemOf(document, text);
  const problem = refusal === null ? standing : `${refusal} Until then it stays “${name}”.`;

  function take() {
    if (text === name || refusal !== null) return;
    setTyped(null);
    edit((current) => rename(current, text));
  }

  return (
    <div className="field">
      <label htmlFor={id}>Name</label>
      <input
        id={id}
        className="mono"
        value={text}
        autoComplete="off"
        spellCheck={false}
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${id}-problem`}
        onChange={(event) => setTyped({ text: event.target.value, of: name })}
        onBlur={take}
        onKeyDown={({ key }) => {
          if (key === 'Enter') take();
          if (key === 'Escape') setTyped(null);
        }}
      />
      {problem !== undefined && (
        <span id={`${id}-problem`} className="field-problem">
          {problem}
        </span>
      )}
    </div>
  );
}
