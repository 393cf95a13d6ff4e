// The examples one by one: a base and a source with what the model reads beside each, and the labels.

import { TextField } from '../experiment/TextField.tsx';
import { ClassNames, classNamesId } from '../prompt/ClassNames.tsx';
import { hasTarget } from '../prompt/hasTarget.ts';
import { PromptBeside } from '../prompt/PromptBeside.tsx';
import { fileKind, useRowDrop } from '../prompt/useRowDrop.ts';
import { useDocument, useEdit, useOwn, useProblems } from './hooks.ts';
import {
  type AlignRow,
  changedRow,
  filledRow,
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
  const said = (part: 'prompt' | 'target' | 'image' | 'sound') =>
    problems.get(rowField(row.id, `${side} ${part}`));
  const change = (next: PromptChange, part: string) =>
    onChange((before) => withPrompt(before, side, next), `${side} ${part}`);
  const what = hasTarget(reads) && !reads?.isAsked ? 'text' : reads?.isAsked ? 'question' : 'prompt';
  // A text that the model does not read stays in view, so that it can be taken away.
  const hasText = !reads?.isAlone || own.prompt !== '';
  return (
    <fieldset className="align-side-given">
      <legend className="small mute">{side === 'base' ? 'Base' : 'Source'}</legend>
      {hasText && (
        <TextField
          label={`${name}, ${side}, ${what}`}
          isText
          value={own.prompt}
          problem={said('prompt')}
          onChange={(prompt) => change({ prompt }, 'prompt')}
        />
      )}
      {!hasText && said('prompt') !== undefined && <span className="field-problem">{said('prompt')}</span>}
      <PromptBeside
        beside={own}
        reads={reads}
        of={`${name}, ${side}`}
        problems={{ target: said('target'), image: said('image'), sound: said('sound') }}
        onChange={change}
      />
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
  const { refused, onDragOver, onDrop } = useRowDrop(kind, (files) => {
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
  const problem = useProblems().get('rows');
  return (
    <>
      <ClassNames />
      <ol className="align-rows" aria-label="Examples">
        {rows.map((row, place) => (
          <Row key={row.id} row={row} place={place} />
        ))}
      </ol>
      {problem !== undefined && <p className="field-problem">{problem}</p>}
      <button
        type="button"
        className="button"
        onClick={() => edit((before) => ({ ...before, rows: withRow(before.rows) }))}
      >
        Add an example
      </button>
    </>
  );
}
