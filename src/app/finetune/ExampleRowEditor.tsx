// One example: its prompt with what the model reads beside it, and what should follow, typed, chosen or dropped; below them its
// tokens, with the positions marked that the adapter acts on, or what is wrong.

import { useId } from 'react';
import { classNamesId } from '../prompt/ClassNames.tsx';
import { maskText } from '../prompt/mask.ts';
import { PromptFields } from '../prompt/PromptFields.tsx';
import { promptWord } from '../prompt/promptWord.ts';
import { fileKind, useRowDrop } from '../prompt/useRowDrop.ts';
import { sentenceOfRow } from './draft.ts';
import { exampleKey } from './finetuneBench.ts';
import { useBenchState, useEdit, useOwn, useProblems, useReads } from './hooks.ts';
import { RowTokens } from './RowTokens.tsx';
import { listNames, type RowPart, rowField, rowParts } from './rowProblems.ts';
import {
  changedRow,
  type ExampleRow,
  exampleOf,
  type RowChange,
  type RowList,
  rowsOf,
  withFilesFrom,
  withRows,
} from './rows.ts';
import { rowWords } from './rowWords.ts';

interface EditorProps {
  readonly list: RowList;
  readonly row: ExampleRow;
  /** In its list, from 0. */
  readonly place: number;
}

interface TextCellProps {
  readonly label: string;
  readonly value: string;
  readonly problem: string | undefined;
  /** Id of suggestions, for what is one line. */
  readonly list?: string | undefined;
  readonly onChange: (value: string) => void;
}

function TextCell({ label, value, problem, list, onChange }: TextCellProps) {
  const id = useId();
  const control = {
    className: 'prompt-text mono tune-text',
    spellCheck: false,
    'aria-label': label,
    'aria-invalid': problem !== undefined,
    'aria-describedby': problem === undefined ? undefined : id,
    value,
    onChange: ({ target }: { readonly target: { readonly value: string } }) => onChange(target.value),
  };
  return (
    <div className="field">
      {list === undefined ? (
        <textarea {...control} rows={1} />
      ) : (
        <input {...control} list={list} autoComplete="off" />
      )}
      {problem !== undefined && (
        <span id={id} className="field-problem">
          {problem}
        </span>
      )}
    </div>
  );
}

/** What is wrong with a row, by its parts: what is typed, and what the engine says of it by itself. */
function useRowProblems(list: RowList, row: ExampleRow, own: string | null) {
  const problems = useProblems();
  const said: { [Part in RowPart]?: string | undefined } = {};
  for (const part of rowParts) said[part] = problems.get(rowField(list, row.id, part));
  if (own === null) return said;
  const [part, sentence] = sentenceOfRow(own);
  said[part] ??= sentence;
  return said;
}

export function ExampleRowEditor({ list, row, place }: EditorProps) {
  const edit = useEdit();
  const reads = useReads();
  const mask = useOwn(({ world }) => maskText(world.model));
  const described = useBenchState(({ described: all }) => all.get(exampleKey(exampleOf(row))));
  const marked = useBenchState((state) => state.marked);
  const said = useRowProblems(list, row, described?.problem ?? null);
  const name = `${listNames[list]} ${place + 1}`;
  const words = rowWords(reads, mask);
  const kind = fileKind(reads);
  const change = (next: RowChange, part: RowPart) =>
    edit((before) => changedRow(before, list, row.id, next), rowField(list, row.id, part));
  const { refused, onDragOver, onDrop } = useRowDrop(row, kind, (files) => {
    if (kind !== null)
      edit((before) =>
        withFilesFrom(
          before,
          list,
          row.id,
          files.map((file) => ({ [kind]: file })),
        ),
      );
  });
  return (
    <li className="tune-row" aria-label={name} onDragOver={onDragOver} onDrop={onDrop}>
      <span className="mute small tune-number">{place + 1}</span>
      <div className="tune-texts">
        <div className="tune-given">
          <PromptFields
            prompt={row.prompt}
            beside={row}
            within={row}
            reads={reads}
            of={name}
            problems={said}
            onChange={change}
          >
            <TextCell
              label={`${name}, ${promptWord(reads)}`}
              value={row.prompt}
              problem={said.prompt}
              onChange={(prompt) => change({ prompt }, 'prompt')}
            />
          </PromptFields>
        </div>
        <TextCell
          label={`${name}, ${words.continuation}`}
          value={String(row.continuation)}
          problem={said.continuation}
          list={reads?.isAlone ? classNamesId : undefined}
          onChange={(continuation) => change({ continuation }, 'continuation')}
        />
        {described !== undefined && described.problem === null && (
          <RowTokens described={described} marked={marked} />
        )}
        {refused !== null && (
          <p className="field-problem tune-refused" role="alert">
            {refused}
          </p>
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
