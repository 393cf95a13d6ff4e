// The examples one by one, a few at a time: a base and a source with what the model reads beside each, and the labels.

import { useRef } from 'react';
import { firstInView, pageHolding, rowsInView } from '../experiment/pageOfRows.ts';
import { focusInRows, GoToRow, RowPages } from '../experiment/RowPages.tsx';
import { TextField } from '../experiment/TextField.tsx';
import type { PromptPart } from '../prompt/beside.ts';
import { ClassNames, classNamesId } from '../prompt/ClassNames.tsx';
import { PromptFields } from '../prompt/PromptFields.tsx';
import { promptWord } from '../prompt/promptWord.ts';
import { fileKind, useRowDrop } from '../prompt/useRowDrop.ts';
import { useBench, useBenchState, useDocument, useEdit, useOwn, useProblems } from './hooks.ts';
import {
  type AlignRow,
  changedRow,
  filledRow,
  firstWrong,
  type PromptChange,
  type RowSide,
  type RowText,
  rowField,
  rowSides,
  withPrompt,
  withRow,
} from './rows.ts';

const labels = [
  ['label', 'Label', 'Of the interchange'],
  ['baseLabel', 'Label of the base', 'Empty: not known'],
  ['sourceLabel', 'Label of the source', 'Empty: not known'],
] as const;

type Change = (change: (row: AlignRow) => AlignRow, part: string) => void;

function Side({ row, side, name, onChange }: SideProps) {
  const problems = useProblems();
  const reads = useOwn(({ world }) => world.model?.reads ?? null);
  const own = row[side];
  const said = (part: PromptPart) => problems.get(rowField(row.id, `${side} ${part}`));
  const change = (next: PromptChange, part: string) =>
    onChange((before) => withPrompt(before, side, next), `${side} ${part}`);
  return (
    <fieldset className="align-side-given">
      <legend className="small mute">{side === 'base' ? 'Base' : 'Source'}</legend>
      <PromptFields
        prompt={own.prompt}
        beside={own}
        within={own}
        reads={reads}
        of={`${name}, ${side}`}
        problems={{
          prompt: said('prompt'),
          target: said('target'),
          image: said('image'),
          sound: said('sound'),
        }}
        onChange={change}
      >
        <TextField
          label={`${name}, ${side}, ${promptWord(reads)}`}
          isText
          value={own.prompt}
          problem={said('prompt')}
          onChange={(prompt) => change({ prompt }, 'prompt')}
        />
      </PromptFields>
    </fieldset>
  );
}

interface SideProps {
  readonly row: AlignRow;
  readonly side: RowSide;
  readonly name: string;
  readonly onChange: Change;
}

function Row({ row, place }: { readonly row: AlignRow; readonly place: number }) {
  const edit = useEdit();
  const problems = useProblems();
  const reads = useOwn(({ world }) => world.model?.reads ?? null);
  const name = `Example ${place + 1}`;
  const kind = fileKind(reads);
  const onChange: Change = (change, part) =>
    edit((before) => ({ ...before, rows: changedRow(before.rows, row.id, change) }), `row ${row.id} ${part}`);
  const { refused, onDragOver, onDrop } = useRowDrop(row, kind, (files) => {
    if (kind !== null) onChange((before) => filledRow(before, kind, files), 'files');
  });
  const text = (part: RowText) => ({
    value: String(row[part]),
    problem: problems.get(rowField(row.id, part)),
    onChange: (value: string) => onChange((before) => ({ ...before, [part]: value }), part),
  });
  return (
    <li className="align-row" aria-label={name} onDragOver={onDragOver} onDrop={onDrop}>
      <div className="align-row-head">
        <span className="small">{name}</span>
        <button
          type="button"
          className="button-plain"
          aria-label={`Remove ${name.toLowerCase()}`}
          onClick={() =>
            edit((before) => ({ ...before, rows: before.rows.filter(({ id }) => id !== row.id) }))
          }
        >
          ×
        </button>
      </div>
      <div className="align-row-sides">
        {rowSides.map((side) => (
          <Side key={side} row={row} side={side} name={name} onChange={onChange} />
        ))}
      </div>
      <div className="fields align-fields">
        {labels.map(([part, label, hint]) => (
          <TextField
            key={part}
            label={`${name}, ${label.toLowerCase()}`}
            hint={hint}
            isText
            list={reads?.isAlone ? classNamesId : undefined}
            {...text(part)}
          />
        ))}
        <TextField
          label={`${name}, positions`}
          hint="Names for a site: name 3, or name 3/5"
          isText
          {...text('positions')}
        />
      </div>
      {refused !== null && (
        <p className="field-problem" role="alert">
          {refused}
        </p>
      )}
    </li>
  );
}

export function RowsEditor() {
  const { rows } = useDocument();
  const edit = useEdit();
  const { showFrom } = useBench();
  const from = firstInView(
    useBenchState((state) => state.from),
    rows.length,
  );
  const problems = useProblems();
  const element = useRef<HTMLOListElement>(null);
  const wrong = firstWrong(rows, problems.keys());
  const problem = problems.get('rows');
  return (
    <>
      <ClassNames />
      <ol className="align-rows" aria-label="Examples" ref={element}>
        {rows.slice(from, from + rowsInView).map((row, at) => (
          <Row key={row.id} row={row} place={from + at} />
        ))}
      </ol>
      {problem !== undefined && <p className="field-problem">{problem}</p>}
      {wrong !== null && pageHolding(wrong) !== from && (
        <GoToRow name={`example ${wrong + 1}`} rows={element} onGo={() => showFrom(pageHolding(wrong))} />
      )}
      <div className="align-row-tools">
        <button
          type="button"
          className="button"
          onClick={() => {
            edit((before) => ({ ...before, rows: withRow(before.rows) }));
            showFrom(pageHolding(rows.length));
            focusInRows(element, 'li:last-child input');
          }}
        >
          Add an example
        </button>
        <RowPages label="Rows of examples" count={rows.length} from={from} onFrom={showFrom} />
      </div>
    </>
  );
}
