// One example: its prompt and what should follow it, typed; below them its tokens, with the positions marked that the adapter
// acts on, or what is wrong.

import { useId } from 'react';
import type { DescribedExample } from '../../experiments/finetune/described.ts';
import { TokenText } from '../prompt/TokenText.tsx';
import { changedRow, type ExampleRow, type RowList, rowsOf, withRows } from './document.ts';
import { placedSentence, rowField } from './draft.ts';
import { exampleKey } from './finetuneBench.ts';
import { useBenchState, useDocument, useEdit, useProblems } from './hooks.ts';

function Tokens({
  described,
  acts,
}: {
  readonly described: DescribedExample;
  readonly acts: ReadonlySet<number>;
}) {
  const { prompt, continuation, mask } = described;
  const taught = continuation.map(({ text }, at) => ({ text, position: prompt.length + at, isTaught: true }));
  const given = prompt.map(({ text }, position) => ({ text, position, isTaught: false }));
  // What should stand at a mask stands beside it.
  const behind = mask === null ? prompt.length : mask + 1;
  return (
    <p className="align-chips tune-tokens">
      {[...given.slice(0, behind), ...taught, ...given.slice(behind)].map(({ text, position, isTaught }) => {
        // A mask has the position of what fills it.
        const isActed = acts.has(position);
        const words = [
          ...(isTaught && mask !== null ? ['taught at the mask'] : [`position ${position}`]),
          ...(isTaught && mask === null ? ['taught'] : []),
          ...(isActed ? ['the adapter acts here'] : []),
        ];
        return (
          <span
            key={position}
            className="chip mono"
            data-subject={isActed}
            data-taught={isTaught}
            title={words.join(', ')}
          >
            <TokenText text={text} />
            {isActed && <span className="visually-hidden"> (the adapter acts here)</span>}
          </span>
        );
      })}
    </p>
  );
}

interface EditorProps {
  readonly list: RowList;
  readonly row: ExampleRow;
  /** In its list, from 0. */
  readonly place: number;
}

export function ExampleRowEditor({ list, row, place }: EditorProps) {
  const document = useDocument();
  const edit = useEdit();
  const problems = useProblems();
  const described = useBenchState(({ described: all }) => all.get(exampleKey(row.prompt, row.continuation)));
  const marked = useBenchState((state) => state.marked);
  const id = useId();
  const name = `${list === 'data' ? 'Example' : 'Held-out example'} ${place + 1}`;
  const fields = ['prompt', 'continuation'] as const;
  const own = described?.problem ?? null;
  const ownSentence = own === null ? null : placedSentence(own, document)[1];
  const said = {
    prompt: problems.get(rowField(list, row.id, 'prompt')),
    continuation: problems.get(rowField(list, row.id, 'continuation')),
  };
  // The engine counts the rows that it was asked about: of the place that it names only the part is this row's.
  const part = own !== null && /\.continuation'/.test(own) ? 'continuation' : 'prompt';
  if (ownSentence !== null) said[part] ??= ownSentence;
  const acts = new Set(described?.acts[Math.min(marked, described.acts.length - 1)] ?? []);
  return (
    <li className="tune-row" aria-label={name}>
      <span className="mute small tune-number">{place + 1}</span>
      <div className="tune-texts">
        {fields.map((field) => (
          <div key={field} className="field">
            <textarea
              className="prompt-text mono tune-text"
              rows={1}
              spellCheck={false}
              aria-label={`${name}, ${field}`}
              aria-invalid={said[field] !== undefined}
              aria-describedby={said[field] === undefined ? undefined : `${id}-${field}`}
              value={row[field]}
              onChange={({ target }) =>
                edit(
                  (before) => changedRow(before, list, row.id, { [field]: target.value }),
                  rowField(list, row.id, field),
                )
              }
            />
            {said[field] !== undefined && (
              <span id={`${id}-${field}`} className="field-problem">
                {said[field]}
              </span>
            )}
          </div>
        ))}
        {described !== undefined && described.problem === null && (
          <Tokens described={described} acts={acts} />
        )}
      </div>
      <button
        type="button"
        className="button-plain"
        aria-label={`Remove ${name.toLowerCase()}`}
        onClick={() =>
          edit((before) =>
            withRows(
              before,
              list,
              rowsOf(before, list).filter((each) => each.id !== row.id),
            ),
          )
        }
      >
        ×
      </button>
    </li>
  );
}
