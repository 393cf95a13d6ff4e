// The examples: what is taught and what is held out, as rows that are typed, or from a table or a file.

import { type RefObject, useEffect, useRef } from 'react';
import { Choice } from '../experiment/Choice.tsx';
import { Examples } from '../experiment/Examples.tsx';
import { firstInView, pageHolding, rowsInView } from '../experiment/pageOfRows.ts';
import { focusInRows, GoToRow, RowPages } from '../experiment/RowPages.tsx';
import { UndoButtons } from '../experiment/UndoButtons.tsx';
import { BeginEmpty } from '../prompt/BeginEmpty.tsx';
import { ClassNames } from '../prompt/ClassNames.tsx';
import { maskText } from '../prompt/mask.ts';
import { formatCount } from '../quantities.ts';
import { AddExamples } from './AddExamples.tsx';
import { blankFinetune, blankFor } from './document.ts';
import { ExampleRowEditor } from './ExampleRowEditor.tsx';
import { DocumentField, Problem } from './Fields.tsx';
import {
  useBench,
  useBenchState,
  useDocument,
  useDraft,
  useEdit,
  useOwn,
  useOwnPage,
  useProblems,
  useReads,
} from './hooks.ts';
import { listNames, rowField, rowParts } from './rowProblems.ts';
import { exampleOf, numbered, type RowList, rowsOf, withRows } from './rows.ts';
import { rowWords } from './rowWords.ts';

/** Asks for the tokens of the rows in view. */
function useDescribed(list: RowList, from: number): void {
  const bench = useBench();
  const document = useDocument();
  const { adapters, problems } = useDraft();
  const model = useOwn(({ world }) => world.model);
  const rows = rowsOf(document, list);
  useEffect(() => {
    if (model === null) return;
    const examples = rows
      .slice(from, from + rowsInView)
      .filter(({ id }) => !rowParts.some((part) => problems.has(rowField(list, id, part))))
      .map(exampleOf);
    bench.describe({ adapters: adapters ?? [], examples }, model);
  }, [bench, rows, list, from, adapters, problems, model]);
}

function Marked() {
  const { set } = useBench();
  const marked = useBenchState((state) => state.marked);
  const { adapters } = useDocument();
  if (adapters.length < 2) return null;
  return (
    <Choice
      label="Marked: where"
      value={String(Math.min(marked, adapters.length - 1))}
      choices={adapters.map(({ type }, at) => [String(at), `method ${at + 1}, ${type}, acts`] as const)}
      onChange={(next) => set({ marked: Number(next) })}
    />
  );
}

/** The first row that is wrong, where it is out of view. */
function FirstProblem({
  list,
  from,
  rows,
}: {
  readonly list: RowList;
  readonly from: number;
  readonly rows: RefObject<HTMLElement | null>;
}) {
  const { set } = useBench();
  const document = useDocument();
  const problems = useProblems();
  const isWrong = (of: RowList) => (id: number) =>
    rowParts.some((part) => problems.has(rowField(of, id, part)));
  const found = (['data', 'testData'] as const)
    .map((of) => ({ of, at: rowsOf(document, of).findIndex(({ id }) => isWrong(of)(id)) }))
    .find(({ at }) => at >= 0);
  if (found === undefined) return null;
  if (found.of === list && pageHolding(found.at) === pageHolding(from)) return null;
  return (
    <GoToRow
      name={`${listNames[found.of].toLowerCase()} ${found.at + 1}`}
      rows={rows}
      onGo={() => set({ list: found.of, from: pageHolding(found.at) })}
    />
  );
}

function Lists({ list }: { readonly list: RowList }) {
  const { set } = useBench();
  const document = useDocument();
  const edit = useEdit();
  const { data, testData } = document;
  return (
    <>
      <div className="fields align-fields">
        <Choice
          label="Held out"
          value={testData === null ? 'share' : 'own'}
          choices={[
            ['share', 'A share of the examples'],
            ['own', 'Examples of their own'],
          ]}
          hint="They are never taught: before and after is told of them"
          onChange={(way) => {
            set({ list: 'data', from: 0 });
            edit((before) => ({
              ...before,
              testData: way === 'share' ? null : (before.testData ?? before.testAside ?? blankFinetune.data),
              testAside: way === 'share' ? (before.testData ?? before.testAside) : null,
            }));
          }}
        />
        {testData === null && (
          <>
            <DocumentField
              name="testShare"
              label="Held out, %"
              hint="Default 20; of one prompt all on one side"
            />
            <DocumentField name="splitSeed" label="Seed of the split" hint="Default 0" />
          </>
        )}
      </div>
      {testData !== null && (
        <fieldset className="task-choice tune-lists">
          <legend className="visually-hidden">Which examples are in view</legend>
          {(
            [
              ['data', `Taught (${formatCount(data.length)})`],
              ['testData', `Held out (${formatCount(testData.length)})`],
            ] as const
          ).map(([name, title]) => (
            <label key={name} className="check-line">
              <input
                type="radio"
                name="tune-list"
                checked={list === name}
                onChange={() => set({ list: name, from: 0 })}
              />
              {title}
            </label>
          ))}
        </fieldset>
      )}
    </>
  );
}

export function ExamplesCard() {
  const { examples } = useOwnPage().face;
  const { set } = useBench();
  const document = useDocument();
  const edit = useEdit();
  const wanted = useBenchState((state) => state.list);
  const asked = useBenchState((state) => state.from);
  const refusal = useBenchState((state) => state.refusal);
  const rowsElement = useRef<HTMLOListElement>(null);
  const list = document.testData === null ? 'data' : wanted;
  const rows = rowsOf(document, list);
  const from = firstInView(asked, rows.length);
  useDescribed(list, from);
  const mask = useOwn(({ world }) => maskText(world.model));
  const reads = useReads();
  const words = rowWords(reads, mask);
  const blank = useOwn(({ world }) => blankFor(world.model));
  const isBlank = document === blank;
  const isExample = examples.some(({ texts }) => texts[0] === document.data[0]?.prompt);
  return (
    <section className="card tune-examples" aria-labelledby="tune-examples-title" data-document>
      <div className="card-head">
        <h2 id="tune-examples-title">Examples</h2>
        <Examples />
      </div>
      <div className="task-ways">
        <p className="small mute tune-lead">{words.lead}</p>
        <span className="task-tools">
          <button
            type="button"
            className="button"
            aria-disabled={isBlank}
            onClick={() => {
              if (!isBlank) edit(() => blank);
            }}
          >
            Empty page
          </button>
          <UndoButtons />
        </span>
      </div>
      <BeginEmpty isExample={isExample} onBegin={() => edit(() => blank)} />
      <Lists list={list} />
      <div className="tune-heads small mute" aria-hidden="true">
        {words.heads.map((head) => (
          <span key={head}>{head}</span>
        ))}
      </div>
      <ol
        className="tune-rows"
        ref={rowsElement}
        aria-label={list === 'data' ? 'Examples' : 'Held-out examples'}
      >
        {rows.slice(from, from + rowsInView).map((row, at) => (
          <ExampleRowEditor key={row.id} list={list} row={row} place={from + at} />
        ))}
      </ol>
      <ClassNames />
      <Problem name={list} />
      <FirstProblem list={list} from={from} rows={rowsElement} />
      {refusal !== null && <p className="run-problem">{refusal}</p>}
      <div className="tune-tools">
        <button
          type="button"
          className="button"
          onClick={() => {
            const next = withRows(document, list, [
              ...rows,
              ...numbered([{ prompt: '', continuation: '' }], rows),
            ]);
            edit(() => next);
            set({ from: pageHolding(rows.length) });
            // The new one is there with the next frame, and typing goes on in it.
            focusInRows(rowsElement, 'li:last-child :is(textarea, input)');
          }}
        >
          Add an example
        </button>
        <AddExamples list={list} />
        <RowPages
          label="Rows of examples"
          count={rows.length}
          from={from}
          onFrom={(next) => set({ from: next })}
        />
        <Marked />
      </div>
    </section>
  );
}
