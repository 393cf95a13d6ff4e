// Sweeps: a preset or the selected cable, run while one watches, as a heatmap with its numbers, and as files.

import { useMemo, useState } from 'react';
import { patchFigures } from '../../experiments/patch/figure.ts';
import { patchCsv } from '../../experiments/patch/grid.ts';
import type { HeatmapDescription } from '../../figures/description.ts';
import { layoutHeatmap } from '../../figures/heatmap.ts';
import { heatmapPng } from '../../figures/png.ts';
import { heatmapSvg } from '../../figures/svg.ts';
import { download } from '../experiment/exports.ts';
import { Heatmap } from '../experiment/Heatmap.tsx';
import { useBench, useDocument, useHand, usePatchDraft, useSweep } from './benchContext.tsx';
import { NumberField } from './CableFields.tsx';
import { cableSweepFigure } from './cableSweep.ts';
import { cableLetter } from './document.ts';
import {
  initialSweep,
  type PresetName,
  presetExperiment,
  presetNames,
  presetTitles,
  type SweepSettings,
} from './presets.ts';

const ofCable = 'cable';

function Figures() {
  const result = useSweep((state) => state.result);
  const cable = useSweep((state) => state.cable);
  const figures = useMemo(
    (): readonly HeatmapDescription[] =>
      cable ? [cableSweepFigure(cable)] : result ? patchFigures(result) : [],
    [result, cable],
  );
  if (figures.length === 0) return null;
  const model = (description: HeatmapDescription) =>
    layoutHeatmap(description, { width: 900, theme: 'print' });
  const save = async (description: HeatmapDescription, format: 'SVG' | 'PNG') => {
    const blob =
      format === 'SVG'
        ? new Blob([heatmapSvg(model(description))], { type: 'image/svg+xml' })
        : await heatmapPng(model(description));
    download(blob, `sweep.${format.toLowerCase()}`);
  };
  return (
    <>
      {figures.map((description, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the figures of a result have an order and nothing else
        <div key={index} className="sweep-figure">
          <h3>{description.title}</h3>
          <Heatmap description={description} />
          <p className="mute small">{description.caption}</p>
          <span className="share-line">
            {(['SVG', 'PNG'] as const).map((format) => (
              <button
                key={format}
                type="button"
                className="button"
                onClick={() => void save(description, format)}
              >
                {format}
              </button>
            ))}
          </span>
        </div>
      ))}
      {result && (
        <span className="share-line">
          <button
            type="button"
            className="button"
            onClick={() => download(new Blob([patchCsv(result)], { type: 'text/csv' }), 'sweep.csv')}
          >
            CSV
          </button>
          <button
            type="button"
            className="button"
            title="With its experiment; patchbay run computes the same of it"
            onClick={() =>
              download(new Blob([JSON.stringify(result)], { type: 'application/json' }), 'sweep-result.json')
            }
          >
            JSON
          </button>
        </span>
      )}
    </>
  );
}

interface FieldsProps {
  readonly settings: SweepSettings;
  readonly isOfCable: boolean;
  readonly onChange: (change: Partial<SweepSettings>) => void;
}

function Fields({ settings, isOfCable, onChange }: FieldsProps) {
  const { outline } = usePatchDraft();
  const { preset, direction, window, receiver } = settings;
  const isAblation = preset === 'zeroHeads' || preset === 'meanHeads';
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

export function SweepCard() {
  const { page, sweeps, draftOf } = useBench();
  const document = useDocument();
  const draft = usePatchDraft();
  const selected = useHand((state) => state.selected);
  const { status, part, message } = useSweep((state) => state);
  const [settings, setSettings] = useState(initialSweep);
  const [isOfCable, setIsOfCable] = useState(false);
  const index = document.cables.findIndex(({ id }) => id === selected);
  const cable = document.cables[index];
  const preset = presetExperiment(document, draft, settings);
  const why = isOfCable ? (cable ? null : 'Select a cable first.') : preset.ok ? null : preset.why;
  const run = () => {
    if (why !== null) return;
    const state = page.store.getState();
    if (isOfCable && cable)
      void sweeps.runCable(
        state.document,
        state.readings,
        draftOf(state),
        cable,
        `Cable ${cableLetter(index)} over layers and positions`,
      );
    else if (preset.ok) void sweeps.run(preset.experiment);
  };
  return (
    <section className="card sweep" aria-labelledby="sweep-title">
      <div className="card-head">
        <h2 id="sweep-title">Sweep</h2>
        {document.pairs !== null && (
          <span className="mute small">
            {isOfCable ? 'of the first pair' : `over ${document.pairs.length} pairs, mean`}
          </span>
        )}
      </div>
      <div className="sweep-fields">
        <label className="rack-control">
          <span className="mute small">What</span>
          <select
            className="select"
            value={isOfCable ? ofCable : settings.preset}
            onChange={({ target }) => {
              setIsOfCable(target.value === ofCable);
              const name = presetNames.find((each): each is PresetName => each === target.value);
              if (name) setSettings({ ...settings, preset: name });
            }}
          >
            {presetNames.map((name) => (
              <option key={name} value={name}>
                {presetTitles[name]}
              </option>
            ))}
            <option value={ofCable}>The selected cable over layers and positions</option>
          </select>
        </label>
        <Fields
          settings={settings}
          isOfCable={isOfCable}
          onChange={(change) => setSettings({ ...settings, ...change })}
        />
        {status === 'running' ? (
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
        ) : (
          <button
            type="button"
            className="button"
            aria-disabled={why !== null}
            title={why ?? undefined}
            onClick={run}
          >
            {status === 'stopped' ? 'Go on' : 'Run the sweep'}
          </button>
        )}
      </div>
      {why !== null && isOfCable && <p className="mute small">{why}</p>}
      {message !== null && <p className="run-problem">{message}</p>}
      <Figures />
    </section>
  );
}
