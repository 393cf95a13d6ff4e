// Many examples at once: a table that is pasted, or a file of them.

import { useId, useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { Popup } from '../frame/Popup.tsx';
import { needsText } from '../prompt/beside.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { type Example, examplesIn } from './exampleFiles.ts';
import { useBench, useEdit, useReads } from './hooks.ts';
import { isEmptyRow, numbered, type RowList, rowsOf, withRows } from './rows.ts';

/** A file of fifty thousand examples is smaller. */
const largestBytes = 64e6;

export function AddExamples({ list }: { readonly list: RowList }) {
  const { set } = useBench();
  const edit = useEdit();
  const reads = useReads();
  const [isOpen, setIsOpen] = useState(false);
  const [text, setText] = useState('');
  const [isAdded, setIsAdded] = useState(false);
  const [message, setMessage] = useState<string | null>(null);
  const id = useId();
  const put = (examples: readonly Example[]) =>
    edit((before) => {
      // A row that nobody has typed into gives way.
      const typed = rowsOf(before, list).filter((row) => !isEmptyRow(row));
      const known = isAdded ? typed : [];
      return withRows(before, list, [...known, ...numbered(examples, known)]);
    });
  const take = (given: string) => {
    try {
      put(examplesIn(given, { needsPrompt: needsText(reads) }));
      set({ from: 0 });
      setMessage(null);
      setText('');
      setIsOpen(false);
    } catch (cause) {
      setMessage(messageOf(cause));
    }
  };
  const open = async (file: File | undefined) => {
    if (file === undefined) return;
    if (file.size > largestBytes)
      return setMessage(
        `'${file.name}' has ${Math.round(file.size / 1e6)} MB; a file of examples has at most ${largestBytes / 1e6}.`,
      );
    try {
      take(await file.text());
    } catch (cause) {
      setMessage(messageOf(cause));
    }
  };
  return (
    <Popup
      isOpen={isOpen}
      onOpenChange={setIsOpen}
      className="popover tune-popover"
      label="A table or a file of examples"
      align="start"
      sideOffset={6}
      trigger={
        <button type="button" className="button">
          Paste or open a table
        </button>
      }
    >
      <form
        className="tune-form"
        onSubmit={(event) => {
          event.preventDefault();
          event.stopPropagation();
          take(text);
        }}
      >
        <label className="mute small" htmlFor={id}>
          First the columns, prompt and continuation, with commas or tabs; or JSON
          {hasTarget(reads) && '. A column target is what the model has written so far'}
          {reads !== null &&
            reads.kind !== 'text' &&
            `. A table carries no ${reads.kind === 'image' ? 'pictures: drop them' : 'sounds: drop them'} on their rows, or give JSON that holds them`}
        </label>
        <textarea
          id={id}
          className="prompt-text mono"
          rows={6}
          value={text}
          spellCheck={false}
          aria-invalid={message !== null}
          aria-describedby={`${id}-message`}
          onChange={({ target }) => setText(target.value)}
        />
        <label className="check-line">
          <input type="checkbox" checked={isAdded} onChange={({ target }) => setIsAdded(target.checked)} />
          Add to those that are there
        </label>
        <input
          type="file"
          accept=".csv,.tsv,.txt,.json,.jsonl"
          aria-label="A file of examples"
          onChange={({ target }) => {
            const [file] = target.files ?? [];
            void open(file);
            target.value = '';
          }}
        />
        <p id={`${id}-message`} className="field-problem" role="alert">
          {message}
        </p>
        <button type="submit" className="button button-primary">
          Take the examples
        </button>
      </form>
    </Popup>
  );
}
