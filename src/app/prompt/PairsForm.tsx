// A table of pairs: pasted, or chosen as a file. One that is dropped comes in by the page's own way.

import { Popover } from 'radix-ui';
import { useId, useState } from 'react';
import type { Pair } from '../../experiments/pairs.ts';
import { readPairs } from '../../experiments/patch/table.ts';
import { messageOf } from '../../messages/wording.ts';

interface PairsFormProps {
  /** How many there are; 1 where there is no table. */
  readonly count: number;
  /** What its columns stand for on this page. */
  readonly columns: string;
  /** Whether a second prompt is needed; default true. */
  readonly needsCorrupted?: boolean;
  /** @throws what cannot be taken, in a sentence */
  readonly onTake: (pairs: readonly Pair[]) => void;
  readonly onOnlyOne: () => void;
}

export function PairsForm({ count, columns, needsCorrupted = true, onTake, onOnlyOne }: PairsFormProps) {
  const [isOpen, setIsOpen] = useState(false);
  const [text, setText] = useState('');
  const [message, setMessage] = useState<string | null>(null);
  const field = useId();
  const take = (given: string) => {
    try {
      onTake(readPairs(given, { needsCorrupted }));
      setMessage(null);
      setIsOpen(false);
    } catch (cause) {
      setMessage(messageOf(cause));
    }
  };
  const takeFile = (file: File | undefined) => {
    if (file === undefined) return;
    file.text().then(
      (read) => {
        setText(read);
        take(read);
      },
      (cause: unknown) => setMessage(messageOf(cause)),
    );
  };
  return (
    <Popover.Root open={isOpen} onOpenChange={setIsOpen}>
      <Popover.Trigger asChild>
        <button type="button" className="button">
          {count === 1 ? 'Table of pairs' : `${count} pairs`}
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="popover vector-popover" align="end" sideOffset={6} collisionPadding={12}>
          <form
            className="vector-form"
            aria-label="Table of pairs"
            onSubmit={(event) => {
              event.preventDefault();
              // In a portal, but a child of whatever form the page may have around it.
              event.stopPropagation();
              take(text);
            }}
          >
            <label className="mute small" htmlFor={field}>
              {columns}
            </label>
            <textarea
              id={field}
              className="prompt-text mono"
              rows={6}
              value={text}
              spellCheck={false}
              onChange={(event) => setText(event.target.value)}
            />
            <input
              type="file"
              accept=".csv,.tsv,.txt"
              aria-label="A file with the table"
              onChange={({ target }) => {
                takeFile(target.files?.[0]);
                target.value = '';
              }}
            />
            {message !== null && (
              <p className="run-problem" role="alert">
                {message}
              </p>
            )}
            <span className="vector-line">
              <button type="submit" className="button button-primary">
                Take the pairs
              </button>
              {count > 1 && (
                <button
                  type="button"
                  className="button"
                  onClick={() => {
                    onOnlyOne();
                    setIsOpen(false);
                  }}
                >
                  Only the first pair
                </button>
              )}
            </span>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
