// The sweep over layers and strengths: what steering reaches beside what it costs, and the texts of a cell.

import { useMemo, useState } from 'react';
import { measureCell } from '../../experiments/steer/cells.ts';
import { steerKind } from '../../experiments/steer/kind.ts';
import type { SteerResult } from '../../experiments/steer/result.ts';
import { strengthLines } from '../../experiments/steer/strengthFigure.ts';
import type { CellAddress } from '../../figures/description.ts';
import type { LinesDescription } from '../../figures/linesDescription.ts';
import { messageOf } from '../../messages/wording.ts';
import { Choice } from '../experiment/Choice.tsx';
import { LinesFigure } from '../experiment/LinesFigure.tsx';
import { useShownTheme } from '../frame/useShownTheme.ts';
import { layersOfComponent } from '../model/componentLayers.ts';
import { BroughtLine } from './BroughtLine.tsx';
import { broughtBySweep } from './broughtSettings.ts';
import { withCell } from './chosenCells.ts';
import type { SweepField } from './document.ts';
import { Check, SteerField } from './fields.tsx';
import { useDocument, useEdit, useOwn, useOwnPage } from './hooks.ts';
import { Standing } from './Standing.tsx';
import { SteerMap } from './SteerMap.tsx';
import { formatStrength } from './StrengthField.tsx';

function Fields() {
  const document = useDocument();
  const { sweep } = document;
  const edit = useEdit();
  // That of the edit that is swept where nothing else is said: the first that is on.
  const swept = document.edits.find(({ on }) => on)?.vector;
  const component = document.vectors.find(({ name }) => name === swept)?.component ?? 'block_output';
  const layerCount = useOwn(({ world: { model } }) => model && layersOfComponent(model, component));
  const change = (part: Partial<SweepField>, field?: string) =>
    edit((current) => ({ ...current, sweep: { ...current.sweep, ...part } }), field && `sweep ${field}`);
  return (
    <>
      <Check
        label="Sweep layers and strengths with the next run"
        isOn={sweep.isOn}
        onChange={(isOn) =>
          change({
            isOn,
            ...(isOn && sweep.layers === '' && layerCount !== null ? { layers: `0-${layerCount - 1}` } : {}),
          })
        }
      />
      {sweep.isOn && (
        <div className="fields steer-sweep-fields">
          <SteerField
            label="Layers"
            name="sweep layers"
            isText
            value={sweep.layers}
            placeholder="0-7"
            onChange={(layers) => change({ layers }, 'layers')}
          />
          <SteerField
            label="Strengths, in the edit’s unit"
            name="sweep strengths"
            isText
            value={sweep.strengths}
            onChange={(strengths) => change({ strengths }, 'strengths')}
          />
          <SteerField
            label="Seeds"
            name="sweep seeds"
            isText
            value={sweep.seeds}
            placeholder="as above"
            onChange={(seeds) => change({ seeds }, 'seeds')}
          />
          <SteerField
            label="Random directions"
            name="sweep random"
            value={sweep.random}
            onChange={(random) => change({ random }, 'random')}
          />
          <SteerField
            label="New tokens"
            name="sweep maxNewTokens"
            value={sweep.maxNewTokens}
            placeholder="as above"
            onChange={(maxNewTokens) => change({ maxNewTokens }, 'maxNewTokens')}
          />
        </div>
      )}
      <BroughtLine settings={broughtBySweep(document)} />
    </>
  );
}

const signed = (value: number | null | undefined): string =>
  value === null || value === undefined ? 'unknown' : `${value > 0 ? '+' : ''}${formatStrength(value)}`;

/** What was chosen on one half of the prompts, and what it does on the other. */
function Chosen({ result }: { readonly result: SteerResult }) {
  const { choice, experiment } = result;
  const { sweep } = experiment;
  if (choice === null || !sweep) return null;
  if (choice.layer === null || choice.strength === null)
    return <p className="steer-choice">No cell keeps to the limits.</p>;
  return (
    <p className="steer-choice">
      Best on one half of the prompts: <b>layer {sweep.layers[choice.layer]}</b>, strength{' '}
      <b>{formatStrength(sweep.strengths[choice.strength] ?? 0)}</b>, with {signed(choice.chosenOn)} nats. On
      the other half it has {signed(choice.reported)} nats
      {choice.random === null ? '' : `, random directions ${signed(choice.random)}`}
      {choice.surprise === null ? '' : `; perplexity ${formatStrength(Math.exp(choice.surprise))}`}
      {choice.divergence === null ? '' : `, KL ${formatStrength(choice.divergence)} nats a token`}.
    </p>
  );
}

/** Effect and cost over the strength: of a few layers all, of many the one of the cell that is open. */
function Strengths({ result, open }: { readonly result: SteerResult; readonly open: number | null }) {
  const theme = useShownTheme();
  const { face } = useOwnPage();
  const [message, setMessage] = useState('');
  const description = useMemo(
    () =>
      strengthLines(result, [...(result.experiment.sweep?.layers ?? []).keys()]) ??
      (open === null ? null : strengthLines(result, [open])),
    [result, open],
  );
  if (description === null) return null;
  const name = `${face.fileStem(result)}-strengths.svg`;
  async function save(figure: LinesDescription) {
    try {
      const { download, figureSvg } = await import('../experiment/exports.ts');
      const svg = await figureSvg({ kind: 'lines', name: 'strengths', description: figure }, theme);
      download(new Blob([svg], { type: 'image/svg+xml' }), name);
      setMessage(`Saved ${name}.`);
    } catch (cause) {
      setMessage(messageOf(cause));
    }
  }
  return (
    <figure className="steer-map steer-strengths">
      <figcaption>
        <h3>{description.title}</h3>
      </figcaption>
      <LinesFigure description={description} />
      <p className="small mute">
        {description.caption}{' '}
        <button type="button" className="button-plain" onClick={() => void save(description)}>
          Save these curves
        </button>{' '}
        <span role="status">{message}</span>
      </p>
    </figure>
  );
}

interface CellProps {
  readonly result: SteerResult;
  readonly layer: number;
  readonly strength: number;
  readonly onUse: () => void;
}

function Cell({ result, layer, strength, onUse }: CellProps) {
  const cell = result.sweep?.[layer]?.[strength];
  const { sweep } = result.experiment;
  if (!cell || !sweep) return null;
  const [own, random] = [measureCell(cell, 'vector'), measureCell(cell, 'random')];
  const promptOf = (prompt: number) =>
    (result.prompts[prompt]?.tokens ?? []).map((id) => result.tokenTexts[id] ?? `#${id}`).join('');
  const line = (name: string, of: typeof own) => (
    <li>
      {name}: effect {signed(of.effect?.mean)} nats
      {of.divergence && `, KL ${formatStrength(of.divergence.mean)} nats a token`}
      {of.surprise && `, perplexity ${formatStrength(Math.exp(of.surprise.mean))}`}
      {of.repetition && `, ${Math.round(100 * of.repetition.mean)}\u202f% repeated`}
    </li>
  );
  return (
    <section className="steer-cell" aria-label="The cell that is open">
      <div className="card-head">
        <h3>
          Layer {sweep.layers[layer]}, strength {formatStrength(sweep.strengths[strength] ?? 0)}
        </h3>
        <button type="button" className="button" onClick={onUse}>
          Steer so
        </button>
      </div>
      <ul className="small">
        {line('The vector', own)}
        {sweep.random > 0 && line('Random', random)}
      </ul>
      <ol className="steer-cell-texts">
        {cell.texts.map(({ prompt, seed, direction, text }) => (
          <li key={`${prompt} ${seed} ${direction}`}>
            <span className="mute small">
              {direction === null ? 'vector' : `random ${direction + 1}`}, seed {seed}
            </span>{' '}
            <span className="mute">{promptOf(prompt)}</span>
            <b>{text}</b>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function SweepCard() {
  const result = useOwn((state) => state.shown?.result ?? null);
  const edit = useEdit();
  const [open, setOpen] = useState<{ readonly layer: number; readonly strength: number } | null>(null);
  const [isTable, setTable] = useState(false);
  const [wanted, setWanted] = useState('cost');
  const maps = useMemo(
    () =>
      result === null
        ? []
        : steerKind
            .show(result)
            .figures.flatMap((figure) =>
              figure.kind === 'heatmap' && !/^(sites|cosines)/.test(figure.name) ? [figure] : [],
            ),
    [result],
  );
  const costs = maps.filter(({ name }) => name !== 'effect');
  const cost = costs.find(({ name }) => name === wanted) ?? costs[0];
  const pair = maps.filter((map) => map.name === 'effect' || map === cost);
  const choose = (cell: CellAddress) => setOpen({ layer: cell.layer, strength: cell.location });
  const use = () => {
    if (open && result) edit((document) => withCell(document, result, open));
  };
  return (
    <section className="card steer-sweep" aria-labelledby="sweep-title" data-document>
      <div className="card-head">
        <h2 id="sweep-title">Effect and cost</h2>
        <Standing isBrief />
        {maps.length > 0 && (
          <button type="button" className="button" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
            Table
          </button>
        )}
      </div>
      <Fields />
      {result !== null && maps.length > 0 && (
        <>
          <Chosen result={result} />
          {costs.length > 1 && cost !== undefined && (
            <div className="steer-which">
              <Choice
                label="Cost"
                value={cost.name}
                choices={costs.map(
                  ({ name, description }) =>
                    [name, description.metric.shortName ?? description.metric.name] as const,
                )}
                onChange={setWanted}
              />
            </div>
          )}
          <div className="steer-maps">
            {pair.map(({ name, description }) => (
              <SteerMap
                key={name}
                description={description}
                isTable={isTable}
                hint="A cell opens its texts."
                onChoose={choose}
              />
            ))}
          </div>
          <Strengths result={result} open={open?.layer ?? null} />
          {open && <Cell result={result} {...open} onUse={use} />}
        </>
      )}
    </section>
  );
}
