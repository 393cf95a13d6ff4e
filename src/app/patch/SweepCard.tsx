// Sweeps: a preset, which is an experiment of its own and is kept on its page, or the selected cable; run while one watches.

import { useMemo, useState } from 'react';
import type { AnyExperiment } from '../../experiments/kind.ts';
import type { AnyPage } from '../experiment/experimentPage.ts';
import { FigureFiles } from '../experiment/FigureFiles.tsx';
import { Heatmap } from '../experiment/Heatmap.tsx';
import { HeatmapTable } from '../experiment/HeatmapTable.tsx';
import { experimentKey } from '../experiment/key.ts';
import { PageProvider, useAnyState } from '../experiment/pageContext.tsx';
import { RunBar } from '../experiment/RunBar.tsx';
import { PinnedCells } from '../sweep/CellCard.tsx';
import { SweepFigure } from '../sweep/SweepFigure.tsx';
import { useSweepFigure } from '../sweep/useSweepFigure.ts';
import { usePage, useWorkbench } from '../workbenchContext.tsx';
import { useBench, useBenchState, useDocument, useHand, usePatchDraft, useSweep } from './benchContext.tsx';
import { NumberField } from './CableFields.tsx';
import {
  axesTitles,
  cableSweepFigure,
  cableSweepOf,
  isSameSweep,
  type SweepAxes,
  type SweptCable,
  sweepAxes,
} from './cableSweep.ts';
import { cableLetter } from './document.ts';
import {
  initialSweep,
  type PresetExperiment,
  type PresetName,
  presetExperiment,
  presetNames,
  presetTitles,
  type SweepSettings,
} from './presets.ts';

function CableFigure({ swept }: { readonly swept: SweptCable }) {
  const [isTable, setTable] = useState(false);
  const isCurrent = isSameSweep(swept.sweep, useDocument(), usePatchDraft());
  const description = useMemo(() => cableSweepFigure(swept), [swept]);
  return (
    <div className="sweep-figure">
      <div className="card-head">
        <h3>{description.title}</h3>
        {!isCurrent && (
          <span className="standing" data-kind="stale">
            Of other prompts or cables than stand here now
          </span>
        )}
        <button type="button" className="button" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          Table
        </button>
      </div>
      {isTable ? <HeatmapTable description={description} /> : <Heatmap description={description} />}
      <p className="mute small">{description.caption}</p>
      <FigureFiles description={description} stem="cable-sweep" />
    </div>
  );
}

/** Whether the experiment of the page that is shown is that of the prompts and the settings as they stand. */
function Standing({ page, wanted }: { readonly page: AnyPage; readonly wanted: AnyExperiment | null }) {
  const place = usePage((state) => state.go);
  const key = useAnyState((state) => state.key);
  const isOther = wanted === null || key !== experimentKey(wanted);
  return (
    <p className="share-line small">
      {isOther && (
        <span className="standing" data-kind="stale">
          Of other prompts or settings than stand here now
        </span>
      )}
      <button type="button" className="button-plain" onClick={() => place(page.name)}>
        Open on the page {page.face.title}
      </button>
    </p>
  );
}

function Pins() {
  const description = useSweepFigure();
  return description && <PinnedCells description={description} />;
}

function Shown({ wanted }: { readonly wanted: PresetExperiment }) {
  const cable = useSweep((state) => state.cable);
  const page = useSweep((state) => state.page);
  if (page !== null)
    return (
      <PageProvider value={page}>
        <RunBar />
        <Standing page={page} wanted={wanted.ok ? wanted.experiment : null} />
        <SweepFigure level={3} empty="Its figure appears here." />
        <Pins />
      </PageProvider>
    );
  return cable && <CableFigure swept={cable} />;
}

const ablatedNames = ['heads', 'streams', 'rack'] as const;
const ablationNames = ['mean', 'resample', 'zero'] as const;
const ablationTitles = {
  mean: 'Its mean over all prompts here',
  resample: 'What another prompt has there',
  zero: 'Zero',
} as const;

interface FieldsProps {
  readonly settings: SweepSettings;
  readonly isOfCable: boolean;
  readonly onChange: (change: Partial<SweepSettings>) => void;
}

function Fields({ settings, isOfCable, onChange }: FieldsProps) {
  const { outline } = usePatchDraft();
  const { preset, direction, window, receiver, ablation, ablated } = settings;
  const isAblation = preset === 'ablation';
  if (isOfCable) return null;
  return (
    <>
      {!isAblation && (
        <label className="rack-control">
          <span className="mute small">Direction</span>
          <select
            className="select"
            value={direction}
            onChange={({ target }) => onChange({ direction: target.value === 'noise' ? 'noise' : 'denoise' })}
          >
            <option value="denoise">Source into base</option>
            <option value="noise">Base into source</option>
          </select>
        </label>
      )}
      {isAblation && (
        <>
          <label className="rack-control">
            <span className="mute small">Of</span>
            <select
              className="select"
              value={ablated}
              onChange={({ target }) => {
                const name = ablatedNames.find((each) => each === target.value);
                if (name) onChange({ ablated: name });
              }}
            >
              <option value="heads">Heads</option>
              <option value="streams">Attention and MLP, by position</option>
              <option value="rack">What the rack shows</option>
            </select>
          </label>
          <label className="rack-control">
            <span className="mute small">In its place</span>
            <select
              className="select"
              value={ablation}
              onChange={({ target }) => {
                const name = ablationNames.find((each) => each === target.value);
                if (name) onChange({ ablation: name });
              }}
            >
              {ablationNames.map((name) => (
                <option key={name} value={name}>
                  {ablationTitles[name]}
                </option>
              ))}
            </select>
          </label>
        </>
      )}
      {preset === 'windows' && (
        <NumberField
          label="Layers together"
          value={window}
          least={1}
          most={outline?.layerCount ?? 1}
          onChange={(value) => onChange({ window: value })}
        />
      )}
      {preset === 'queryPaths' && (
        <>
          <NumberField
            label="Reading layer"
            value={receiver.layer}
            least={1}
            most={(outline?.layerCount ?? 2) - 1}
            onChange={(layer) => onChange({ receiver: { ...receiver, layer } })}
          />
          <NumberField
            label="Its head"
            value={receiver.head}
            least={0}
            most={(outline?.headCount ?? 1) - 1}
            onChange={(head) => onChange({ receiver: { ...receiver, head } })}
          />
        </>
      )}
    </>
  );
}

type What = PresetName | SweepAxes;

const isAxes = (what: string): what is SweepAxes => sweepAxes.some((axes) => axes === what);

function CableRun() {
  const { sweeps } = useBench();
  const { status, part } = useSweep((state) => state);
  if (status !== 'running') return null;
  return (
    <span className="rack-sweep">
      <span
        className="progress"
        role="progressbar"
        aria-label="Sweeping"
        aria-valuenow={Math.round(part * 100)}
      >
        <span style={{ width: `${part * 100}%` }} />
      </span>
      <button type="button" className="button" onClick={() => sweeps.cancel()}>
        Cancel
      </button>
    </span>
  );
}

export function SweepCard() {
  const { sweeps } = useBench();
  const { pages } = useWorkbench();
  const document = useDocument();
  const draft = usePatchDraft();
  const readings = useBenchState((state) => state.readings);
  const selected = useHand((state) => state.selected);
  const { status, message, cable: swept } = useSweep((state) => state);
  const [settings, setSettings] = useState(initialSweep);
  const [axes, setAxes] = useState<SweepAxes | null>(null);
  const index = document.cables.findIndex(({ id }) => id === selected);
  const cable = document.cables[index];
  const preset = presetExperiment(document, draft, settings);
  const ofCable =
    axes && cable
      ? cableSweepOf(document, readings, draft, cable, axes, `Cable ${cableLetter(index)}`)
      : null;
  const why =
    axes === null
      ? preset.ok
        ? null
        : preset.why
      : !ofCable
        ? 'Select a cable first.'
        : ofCable.ok
          ? null
          : ofCable.why;
  const isRest =
    (status === 'stopped' || status === 'failed') &&
    ofCable?.ok === true &&
    swept?.sweep.cable === cable?.id &&
    swept?.sweep.axes === axes &&
    isSameSweep(swept.sweep, document, draft);
  const run = () => {
    if (ofCable?.ok) return void sweeps.run(ofCable.sweep, isRest);
    if (axes !== null || !preset.ok) return;
    const page = pages.find(({ name }) => name === preset.experiment.kind);
    if (page) void sweeps.runOn(page, preset.experiment);
  };
  const choose = (what: string) => {
    setAxes(isAxes(what) ? what : null);
    const name = presetNames.find((each): each is PresetName => each === what);
    if (name) setSettings({ ...settings, preset: name });
  };
  const what: What = axes ?? settings.preset;
  return (
    <section className="card sweep" aria-labelledby="sweep-title">
      <div className="card-head">
        <h2 id="sweep-title">Sweep</h2>
        {document.pairs !== null && (
          <span className="mute small">
            {axes ? 'of the first pair' : `over ${document.pairs.length} pairs, mean and spread`}
          </span>
        )}
      </div>
      <div className="sweep-fields">
        <label className="rack-control">
          <span className="mute small">What</span>
          <select className="select" value={what} onChange={({ target }) => choose(target.value)}>
            <optgroup label="The prompts">
              {presetNames.map((name) => (
                <option key={name} value={name}>
                  {presetTitles[name]}
                </option>
              ))}
            </optgroup>
            <optgroup label="The selected cable">
              {sweepAxes.map((name) => (
                <option key={name} value={name}>
                  The cable over {axesTitles[name]}
                </option>
              ))}
            </optgroup>
          </select>
        </label>
        <Fields
          settings={settings}
          isOfCable={axes !== null}
          onChange={(change) => setSettings({ ...settings, ...change })}
        />
        <CableRun />
        {status !== 'running' && (
          <button
            type="button"
            className="button"
            aria-disabled={why !== null}
            aria-describedby={why === null ? undefined : 'sweep-why'}
            title={why ?? undefined}
            onClick={run}
          >
            {isRest ? 'Go on' : 'Run the sweep'}
          </button>
        )}
      </div>
      {why !== null && !(axes === null && !preset.ok && preset.isWaiting) && (
        <p id="sweep-why" className="mute small">
          {why}
        </p>
      )}
      {message !== null && (
        <p className="run-problem" role="alert">
          {message}
          {isRest && ' What was measured stays; Go on measures the rest.'}
        </p>
      )}
      <Shown wanted={preset} />
    </section>
  );
}
