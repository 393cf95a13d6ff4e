// A sweep over pairs of prompts on a page of its own: its pairs, what is done with them, the run, and the figure; and all of
// it as the text of its file, both ways.

import { type ComponentType, lazy, Suspense } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { Examples } from '../experiment/Examples.tsx';
import { useAnyState } from '../experiment/pageContext.tsx';
import { RunBar } from '../experiment/RunBar.tsx';
import { UndoButtons } from '../experiment/UndoButtons.tsx';
import { figureId } from '../frame/useShortcuts.ts';
import { rackOf } from '../patch/rackOf.ts';
import { useWorkbench } from '../workbenchContext.tsx';
import '../style/patch.css';
import '../style/sweep.css';
import { AttributeFields } from './AttributeFields.tsx';
import { CellCard } from './CellCard.tsx';
import { documentOf, type SweepExperiment, shownAt } from './document.ts';
import { useSweepDocument, useSweepPage } from './hooks.ts';
import { NewSweep } from './NewSweep.tsx';
import { PairsCard } from './PairsCard.tsx';
import { PatchFields } from './PatchFields.tsx';
import { PathFields } from './PathFields.tsx';
import { SweepFigure } from './SweepFigure.tsx';

const JsonEditor = lazy(() => import('../experiment/JsonEditor.tsx'));

/** By the page's name, which is that of its kind. */
const fieldsOf: Readonly<Record<string, ComponentType>> = {
  patch: PatchFields,
  path: PathFields,
  attribute: AttributeFields,
};

/** The experiment as its file holds it; what is typed is the experiment from then on. */
function Editor({ experiment }: { readonly experiment: SweepExperiment }) {
  const page = useSweepPage();
  const onText = (text: string): string | null => {
    try {
      const read = page.definition.kind.read(JSON.parse(text));
      page.edit((own) => ({ ...documentOf(read), at: own === null ? 0 : shownAt(own) }), 'json');
      return null;
    } catch (cause) {
      return messageOf(cause);
    }
  };
  const text = `${JSON.stringify(experiment, null, 2)}\n`;
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

/** What the engine says of the experiment that a person should know; none of it stops a run. */
function Notices() {
  const notices = useAnyState(({ estimate, key }) =>
    estimate.status === 'known' && estimate.key === key ? estimate.value.notices : null,
  );
  if (notices === null || notices.length === 0) return null;
  return (
    <ul className="warnings" aria-label="Worth knowing">
      {notices.map(({ code, text }) => (
        <li key={`${code} ${text}`}>{text}</li>
      ))}
    </ul>
  );
}

export default function SweepPage() {
  const page = useSweepPage();
  const document = useSweepDocument(page);
  const { title, kind } = page.definition;
  const Fields = fieldsOf[page.name];
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
            <h2 id="sweep-title">{document?.experiment.title ?? kind.words.title}</h2>
            <UndoButtons />
            <Examples />
          </div>
          {page.name !== 'attribute' && <NewSweep />}
          {document !== null && (
            <>
              <PairsCard />
              {Fields && <Fields />}
              <Editor experiment={document.experiment} />
              <div className="share-line">
                <ToRack experiment={document.experiment} />
              </div>
              <Notices />
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
