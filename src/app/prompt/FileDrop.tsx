// A picture or a sound that is chosen or dropped, with its name or what is wrong with it.

import { type ChangeEvent, type DragEvent, type ReactNode, useId, useState } from 'react';
import { type GivenFile, nameOf } from '../../experiments/givenFile.ts';
import { messageOf } from '../../messages/wording.ts';
import { acceptedFiles, type ChosenKind, chosenFile } from './chosenFile.ts';

/** A file that is chosen or dropped becomes a part of the document. */
export function FileDrop({
  kind,
  label,
  given,
  problem: wrong,
  children,
  onGive,
}: {
  readonly kind: ChosenKind;
  readonly label: string;
  readonly given: GivenFile | null;
  /** What is wrong with it, in place of its name. */
  readonly problem: string | undefined;
  readonly children?: ReactNode;
  readonly onGive: (given: GivenFile) => void;
}) {
  const id = useId();
  const [refused, setRefused] = useState<string | null>(null);
  async function take(file: File | undefined) {
    if (!file) return;
    try {
      onGive(await chosenFile(file));
      setRefused(null);
    } catch (error) {
      setRefused(messageOf(error));
    }
  }
  function drop(event: DragEvent) {
    const { files } = event.dataTransfer;
    // Of several there is one field too few: they are of the row or of the page that this stands on.
    if (files.length !== 1) return;
    // The page itself takes files that are dropped on it for models and experiments.
    event.preventDefault();
    event.stopPropagation();
    void take(files[0]);
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
        onChange={(event: ChangeEvent<HTMLInputElement>) => void take(event.target.files?.[0])}
      />
      {children}
      <span id={`${id}-hint`} className={problem === undefined ? 'field-hint' : 'field-problem'}>
        {problem ?? name}
      </span>
    </div>
  );
}
