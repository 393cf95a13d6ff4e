// A picture or a sound that is chosen or dropped, with its name or what is wrong with it.

import { type ChangeEvent, type DragEvent, type ReactNode, useId } from 'react';
import { type GivenFile, nameOf } from '../../experiments/givenFile.ts';
import { messageOf } from '../../messages/wording.ts';
import { acceptedFiles, type ChosenKind, chosenFile, droppedOf } from './chosenFile.ts';
import { useRefusal } from './useRefusal.ts';

/** A file that is chosen or dropped becomes a part of the document. */
export function FileDrop({
  kind,
  label,
  given,
  within,
  problem: wrong,
  children,
  onGive,
}: {
  readonly kind: ChosenKind;
  readonly label: string;
  readonly given: GivenFile | null;
  /** The part of the document that it stands in, which is another when it has changed; else the file alone. */
  readonly within?: object | undefined;
  /** What is wrong with it, in place of its name. */
  readonly problem: string | undefined;
  readonly children?: ReactNode;
  readonly onGive: (given: GivenFile) => void;
}) {
  const id = useId();
  const [refused, setRefused] = useRefusal(within ?? given);
  /** @returns whether it is taken */
  async function take(file: File): Promise<boolean> {
    try {
      onGive(await chosenFile(kind, file));
      setRefused(null);
      return true;
    } catch (error) {
      setRefused(messageOf(error));
      return false;
    }
  }
  async function choose(input: HTMLInputElement) {
    const [file] = input.files ?? [];
    // Else it names what is not there, and the same file, put right, is no change.
    if (file !== undefined && !(await take(file))) input.value = '';
  }
  function drop(event: DragEvent) {
    const [file, ...others] = droppedOf(kind, event.dataTransfer) ?? [];
    // Of several there is one field too few: they are of the row or of the page that this stands on.
    if (file === undefined || others.length > 0) return;
    // The page itself takes files that are dropped on it for models and experiments.
    event.preventDefault();
    event.stopPropagation();
    void take(file);
  }
  const problem = refused ?? wrong;
  const name = given === null ? null : nameOf(given);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way to what the input does
    <div className="field" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="file"
        accept={acceptedFiles[kind]}
        aria-describedby={`${id}-hint`}
        aria-invalid={problem !== undefined}
        onChange={({ target }: ChangeEvent<HTMLInputElement>) => void choose(target)}
      />
      {children}
      <span
        id={`${id}-hint`}
        className={problem === undefined ? 'field-hint' : 'field-problem'}
        role={refused === null ? undefined : 'alert'}
      >
        {problem ?? name}
      </span>
    </div>
  );
}
