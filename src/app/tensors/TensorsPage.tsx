// Sweeps over the tensors of a model that was brought as ONNX: what it reads, what is put where, what is measured, the figure.

import { lazy, Suspense, useMemo } from 'react';
import { useStore } from 'zustand';
import { tensorsOverlays } from '../../experiments/tensors/figure.ts';
import { tensorsKind } from '../../experiments/tensors/kind.ts';
import { messageOf } from '../../messages/wording.ts';
import { Overlay } from '../experiment/Overlay.tsx';
import { usePageOf } from '../experiment/pageContext.tsx';
import { RunBar } from '../experiment/RunBar.tsx';
import { UndoButtons } from '../experiment/UndoButtons.tsx';
import { figureId } from '../frame/useShortcuts.ts';
import { CellCard } from '../sweep/CellCard.tsx';
import { SweepFigure } from '../sweep/SweepFigure.tsx';
import { useModel } from '../workbenchContext.tsx';
import { GraphDrawing } from './GraphDrawing.tsx';
import { useEdit, useExperiment, useStructure } from './hooks.ts';
import { InputsCard } from './InputsCard.tsx';
import { chainIn, tensorsOf } from './naming.ts';
import type { TensorsTypes } from './page.ts';
import { RenameButton } from './RenameButton.tsx';
import { SitesFields } from './SitesFields.tsx';
import { StructureCard } from './StructureCard.tsx';
import { WatchedFields } from './WatchedFields.tsx';
import '../style/patch.css';
import '../style/sweep.css';
import '../style/tensors.css';

const JsonEditor = lazy(() => import('../experiment/JsonEditor.tsx'));

/** The experiment as its file holds it; what is typed is the experiment from then on. */
function Editor() {
  const page = usePageOf<TensorsTypes>('tensors');
  const experiment = useExperiment();
  const onText = (text: string): string | null => {
    try {
      const read = tensorsKind.read(JSON.parse(text));
      page.edit(() => read, 'json');
      return null;
    } catch (cause) {
      return messageOf(cause);
    }
  };
  const text = experiment === null ? '' : `${JSON.stringify(experiment, null, 2)}\n`;
  return (
    <details className="sweep-file">
      <summary>The experiment as its file</summary>
      <Suspense fallback={<pre className="program mono">{text}</pre>}>
        <JsonEditor text={text} label="Experiment as JSON" onText={onText} />
      </Suspense>
    </details>
  );
}

/** What stands here before there is a model that the page is for. */
function NoImport() {
  const info = useModel((state) => state.info);
  return (
    <p className="mute">
      {info === null
        ? 'Choose a model: an ONNX file, from this machine or the Hub.'
        : `${info.label} is a checkpoint of a known family. This page sweeps over the tensors of models brought as ONNX: choose a .onnx file.`}
    </p>
  );
}

/** Places that are patches, over the picture. */
function Overlays() {
  const page = usePageOf<TensorsTypes>('tensors');
  const result = useStore(page.store, (state) => state.shown?.result ?? null);
  const overlays = useMemo(() => (result === null ? [] : tensorsOverlays(result)), [result]);
  return overlays.map((description) => (
    <Overlay key={description.heatmap.panels.map(({ title }) => title).join()} description={description} />
  ));
}

/** What a component or a tensor is called in the experiment, or how to call it otherwise. */
function GivenName({ name }: { readonly name: string }) {
  const experiment = useExperiment();
  const structure = useStructure();
  if (experiment === null || structure === undefined) return null;
  const names = Object.keys(experiment.names ?? {});
  // A file's thousands of tensors are each a line of the table.
  if (names.length === 0) return <RenameButton name={name} />;
  const tensors = tensorsOf({ ...experiment, names: {} }, structure, name).join('\n');
  const given = names.filter(
    (own) => own !== name && tensorsOf(experiment, structure, own).join('\n') === tensors,
  );
  if (given.length === 0) return <RenameButton name={name} />;
  return (
    <>
      called <span className="mono">{given.join(', ')}</span>
    </>
  );
}

/** The graph, part by part: an edge that is clicked is swept, and no more when it is clicked again. */
function GraphCard() {
  const experiment = useExperiment();
  const structure = useStructure();
  const edit = useEdit();
  if (experiment === null || structure === undefined) return null;
  const chosen = new Set(experiment.sites.map(({ site }) => site));
  return (
    <section className="card structure" aria-labelledby="graph-title">
      <div className="card-head">
        <h2 id="graph-title">Graph</h2>
      </div>
      <GraphDrawing
        structure={structure}
        chain={chainIn(experiment, structure)}
        chosen={chosen}
        onTensor={(name) =>
          edit((present) => {
            const others = present.sites.filter(({ site }) => site !== name);
            if (others.length === present.sites.length)
              return { ...present, sites: [...present.sites, { site: name }] };
            return others.length === 0 ? present : { ...present, sites: others };
          })
        }
      />
    </section>
  );
}

export default function TensorsPage() {
  const experiment = useExperiment();
  const structure = useStructure();
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
        <section
          className="card prompt sweep-card tensors-card"
          aria-labelledby="tensors-title"
          data-document
        >
          <div className="card-head">
            <h2 id="tensors-title">{experiment?.title ?? tensorsKind.words.title}</h2>
            <UndoButtons />
          </div>
          {structure === undefined && <NoImport />}
          {experiment !== null && structure !== undefined && (
            <>
              <InputsCard />
              <h3>Swept</h3>
              <SitesFields experiment={experiment} />
              <h3>Measured</h3>
              <WatchedFields experiment={experiment} />
              <Editor />
            </>
          )}
          <RunBar />
        </section>
        <section className="card figure-card" id={figureId} tabIndex={-1} aria-label="Tensors, figure">
          <SweepFigure
            level={2}
            empty="A heatmap appears here: what each place does, by layer and position, or on the picture."
          />
          <Overlays />
        </section>
      </div>
      <div className="column tensors-aside">
        <CellCard />
        <GraphCard />
        {structure !== undefined && (
          <StructureCard structure={structure} after={(name) => <GivenName name={name} />} />
        )}
      </div>
    </>
  );
}
