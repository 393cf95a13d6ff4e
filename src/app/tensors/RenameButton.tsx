// Calls a component of all layers, or one tensor, by another name, from where it stands.

import { useEffect, useId, useRef, useState } from 'react';
import { useEdit, useExperiment, useStructure } from './hooks.ts';
import { renamed, renameProblem } from './naming.ts';

export function RenameButton({ name }: { readonly name: string }) {
  const id = useId();
  const experiment = useExperiment();
  const structure = useStructure();
  const edit = useEdit();
  const field = useRef<HTMLInputElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const [typed, setTyped] = useState<string | null>(null);
  const [isTried, setIsTried] = useState(false);
  const isOpen = typed !== null;
  const wasOpen = useRef(false);
  useEffect(() => {
    if (isOpen) field.current?.select();
    else if (wasOpen.current) button.current?.focus();
    wasOpen.current = isOpen;
  }, [isOpen]);
  if (experiment === null || structure === undefined) return null;
  if (typed === null)
    return (
      <button
        ref={button}
        type="button"
        className="button-plain"
        aria-label={`Rename ${name}`}
        onClick={() => {
          setTyped(name);
          setIsTried(false);
        }}
      >
        Rename
      </button>
    );
  const problem = renameProblem(experiment, structure, name, typed.trim());
  const shown = isTried ? problem : undefined;
  return (
    <form
      className="rename"
      onSubmit={(event) => {
        event.preventDefault();
        setIsTried(true);
        if (problem !== undefined) return;
        edit((present) => renamed(present, structure, name, typed.trim()));
        setTyped(null);
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        setTyped(null);
      }}
    >
      <input
        ref={field}
        className="mono"
        value={typed}
        autoComplete="off"
        spellCheck={false}
        aria-label={`Another name for ${name}`}
        aria-invalid={shown !== undefined}
        aria-describedby={shown === undefined ? undefined : `${id}-why`}
        onChange={(event) => {
          setTyped(event.target.value);
          setIsTried(true);
        }}
      />
      <button type="submit" className="button">
        Take this name
      </button>
      <button type="button" className="button-plain" onClick={() => setTyped(null)}>
        Cancel
      </button>
      {shown !== undefined && (
        <span id={`${id}-why`} className="field-problem">
          {shown}
        </span>
      )}
    </form>
  );
}
