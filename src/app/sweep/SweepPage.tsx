// A sweep over pairs of prompts on a page of its own: its pairs, the experiment as text, the run, and the figure.

import { lazy, Suspense } from 'react';
import { useStore } from 'zustand';
import { messageOf } from '../../messages/wording.ts';
import { Examples } from '../experiment/Examples.tsx';
import { useAnyPage, usePageOf } from '../experiment/pageContext.tsx';
import { RunBar } from '../experiment/RunBar.tsx';
import { UndoButtons } from '../experiment/UndoButtons.tsx';
import { figureId } from '../frame/useShortcuts.ts';
import { rackOf } from '../patch/rackOf.ts';
import { TokenText } from '../prompt/TokenText.tsx';
import { useWorkbench } from '../workbenchContext.tsx';
import '../style/patch.css';
import '../style/sweep.css';
import { CellCard } from './CellCard.tsx';
import type { SweepExperiment, SweepTypes } from './page.ts';
import { SweepFigure } from './SweepFigure.tsx';

const JsonEditor = lazy(() => import('../experiment/JsonEditor.tsx'));

const useSweepPage = () => usePageOf<SweepTypes>(useAnyPage().name);

/** What stands for a prompt or a token that a file gives by ids. */
const written = (text: string | number | readonly number[] | undefined): string =>
  typeof text === 'string' ? text : text === undefined ? '' : `ids ${[text].flat().join(' ')}`;

function PairsTable({ pairs }: { readonly pairs: SweepExperiment['pairs'] }) {
  const hasCorrupted = pairs.some(({ corrupted }) => corrupted !== undefined);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-scroll pairs-scroll" aria-label="Pairs of prompts" tabIndex={0}>
      <table className="pairs-table small">
        <thead>
          <tr>
            <th scope="col">Clean</th>
            {hasCorrupted && <th scope="col">Corrupted</th>}
            <th scope="col">Answer</th>
            <th scope="col">Distractor</th>
          </tr>
        </thead>
        <tbody>
          {pairs.map(({ clean, corrupted, answer, distractor }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a pair is its place in the table
            <tr key={index}>
              <td>{written(clean)}</td>
              {hasCorrupted && <td>{written(corrupted)}</td>}
              <td className="mono">
                {answer === undefined ? (
                  <span className="mute">the model’s own</span>
                ) : (
                  <TokenText text={written(answer)} />
                )}
              </td>
              <td className="mono">{distractor !== undefined && <TokenText text={written(distractor)} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The experiment as its file holds it; what is typed is the experiment from then on. */
function Editor() {
  const page = useSweepPage();
  const document = useStore(page.store, (state) => state.history.present);
  const onText = (text: string): string | null => {
    try {
      const experiment = page.definition.kind.read(JSON.parse(text));
      page.edit(() => experiment, 'json');
      return null;
    } catch (cause) {
      return messageOf(cause);
    }
  };
  const text = document === null ? '' : `${JSON.stringify(document, null, 2)}\n`;
  return (
    <details className="sweep-file">
      <summary>The experiment as its file</summary>
      <Suspense fallback={<pre className="program mono">{text}</pre>}>
        <JsonEditor text={text} label="Experiment as JSON" onText={onText} />
      </Suspense>
    </details>
  );
}

/** Its pairs on the rack, to hang cables between them. */
function ToRack({ experiment }: { readonly experiment: SweepExperiment }) {
  const { pages, page: place } = useWorkbench();
  const rack = pages.find(({ name }) => name === 'intervene');
  const found = rackOf(experiment);
  if (rack === undefined) return null;
  return (
    <button
      type="button"
      className="button"
      aria-disabled={!found.ok}
      title={found.ok ? 'Its pairs on the rack, to hang cables between them' : found.why}
      onClick={() => {
        if (!found.ok) return;
        rack.openExperiment(found.experiment);
        place.getState().go(rack.name);
      }}
    >
      Open on the rack
    </button>
  );
}

export default function SweepPage() {
  const page = useSweepPage();
  const document = useStore(page.store, (state) => state.history.present);
  const { title, kind } = page.definition;
  return (
    <>
      <button
        type="button"
        className="skip"
        onClick={() => window.document.getElementById(figureId)?.focus()}
      >
        Go to the figure
      </button>
      <div className="column">
        <section className="card prompt sweep-card" aria-labelledby="sweep-title" data-document>
          <div className="card-head">
            <h2 id="sweep-title">{document?.title ?? kind.words.title}</h2>
            <UndoButtons />
            <Examples />
          </div>
          {document !== null && (
            <>
              <PairsTable pairs={document.pairs} />
              <div className="share-line">
                <ToRack experiment={document} />
              </div>
              <Editor />
            </>
          )}
          <RunBar />
        </section>
        <section className="card figure-card" id={figureId} tabIndex={-1} aria-label={`${title}, figure`}>
          <SweepFigure
            level={2}
            empty="A heatmap appears here: what each place does, by layer and position or head."
          />
        </section>
      </div>
      <div className="column">
        <CellCard />
      </div>
    </>
  );
}
