// A table of pairs in place of one: pasted or from a file. The page shows its first pair, and sweeps go over all.

import { Popover } from 'radix-ui';
import { useId, useState } from 'react';
import { readPairs } from '../../experiments/patch/table.ts';
import { messageOf } from '../../messages/wording.ts';
import { useBench, useDocument } from './benchContext.tsx';
import type { PatchDocument } from './document.ts';

/** The document with a table: its first pair is the one that is shown. @throws ExperimentError */
export function withPairs(document: PatchDocument, text: string): PatchDocument {
  const pairs = readPairs(text);
  const [first] = pairs;
  if (!first) return document;
  return {
    ...document,
    base: String(first.corrupted ?? ''),
    sources: [String(first.clean), ...document.sources.slice(1)],
    answer: first.answer ?? null,
    distractor: first.distractor ?? null,
    corrections: [],
    pairs,
  };
}

export function PairsForm() {
  const { page } = useBench();
  const { pairs } = useDocument();
  const [isOpen, setIsOpen] = useState(false);
  const [text, setText] = useState('');
  const [message, setMessage] = useState<string | null>(null);
  const field = useId();
  const take = (given: string) => {
    try {
      const next = withPairs(page.store.getState().document, given);
      page.edit(() => next);
      setMessage(null);
      setIsOpen(false);
    } catch (cause) {
      setMessage(messageOf(cause));
    }
  };
  return (
    <Popover.Root open={isOpen} onOpenChange={setIsOpen}>
      <Popover.Trigger asChild>
        <button type="button" className="button">
          {pairs === null ? 'Table of pairs' : `${pairs.length} pairs`}
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="popover vector-popover" align="end" sideOffset={6} collisionPadding={12}>
          <form
            className="vector-form"
            onSubmit={(event) => {
              event.preventDefault();
              take(text);
            }}
          >
            <label className="mute small" htmlFor={field}>
              A table with the columns clean (the source), corrupted (the base), answer, distractor; commas or
              tabs
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
              onChange={(event) => {
                const [file] = event.target.files ?? [];
                void file?.text().then(take);
              }}
            />
            {message !== null && <p className="run-problem">{message}</p>}
            <span className="vector-line">
              <button type="submit" className="button button-primary">
                Take the pairs
              </button>
              {pairs !== null && (
                <button
                  type="button"
                  className="button"
                  onClick={() => {
                    page.edit((document) => ({ ...document, pairs: null }));
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
