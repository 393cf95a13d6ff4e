// One site: how it was or is being trained, as curves or as a table, and once more with other settings.

import { useId, useState } from 'react';
import type { AlignExperiment } from '../../experiments/align/experiment.ts';
import { isSiteDone, type SiteResult } from '../../experiments/align/result.ts';
import { LinesFigure } from '../experiment/LinesFigure.tsx';
import { Bar } from '../model/LoadState.tsx';
import { formatPercent } from '../quantities.ts';
import { useBench, useBenchState, useChosenSite, useOwn } from './hooks.ts';
import { curveRows, siteCurves } from './siteCurves.ts';
import { choiceWords, type SiteChoice } from './variants.ts';

const share = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(3));

function CurvesTable({ site }: { readonly site: SiteResult }) {
  const rows = curveRows(site);
  const hasTemperature = site.steps.temperature !== undefined;
  const hasWidth = site.steps.widthShare !== undefined;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-scroll curves-table" aria-label="Training, table" tabIndex={0}>
      <table className="numbers">
        <caption className="visually-hidden">
          Loss, learning rate and interchange intervention accuracy by step
        </caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Loss, nats</th>
            <th scope="col">Rate</th>
            {hasTemperature && <th scope="col">Temperature</th>}
            {hasWidth && <th scope="col">Width, share</th>}
            <th scope="col">IIA, train</th>
            <th scope="col">IIA, test</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ step, loss, rate, temperature, width, train, test }) => (
            <tr key={step}>
              <th scope="row">{step}</th>
              <td className="number">{loss.toFixed(4)}</td>
              <td className="number">{rate.toPrecision(3)}</td>
              {hasTemperature && <td className="number">{temperature?.toFixed(2)}</td>}
              {hasWidth && <td className="number">{share(width)}</td>}
              <td className="number">{share(train)}</td>
              <td className="number">{share(test)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Standing({ choice: { site, result } }: { readonly choice: SiteChoice }) {
  const isRetry = useBenchState(({ others }) => others.includes(result));
  const { learningRate, epochs: wanted, batchSize } = result.experiment.training;
  const { final, epochs, steps } = site;
  const isTrained = isSiteDone(site);
  const latest = final ?? epochs.at(-1);
  const ends: Readonly<Record<SiteResult['end'], string>> = {
    begun: 'not finished',
    'all-steps': 'all steps',
    early: 'ended early, the loss had settled',
    loss: 'stopped: the loss became NaN or infinite; give a lower learning rate',
    parameters: 'stopped: the parameters became NaN or infinite; give a lower learning rate',
  };
  return (
    <p className="small">
      {steps.loss.length} steps ({ends[site.end]}).
      {latest !== undefined &&
        ` IIA ${formatPercent(latest.testAccuracy)} on the test, ${formatPercent(latest.trainAccuracy)} in training`}
      {isTrained && final !== undefined
        ? `; control ${formatPercent(final.controlAccuracy)}; majority ${formatPercent(result.majority.share)}.`
        : latest !== undefined && '.'}
      {final?.boundary !== undefined &&
        ` Interchanged: ${final.boundary.dimensions} of ${result.width} directions.`}
      {isRetry &&
        ` Trained again with ${wanted} epochs of batches of ${batchSize} at ${learningRate}, seed ${result.experiment.seed}, and better than before.`}
    </p>
  );
}

interface AgainSettings {
  readonly learningRate: string;
  readonly epochs: string;
  readonly batchSize: string;
  readonly seed: string;
}

const settingNames: readonly (readonly [keyof AgainSettings, string])[] = [
  ['learningRate', 'Learning rate'],
  ['epochs', 'Epochs'],
  ['batchSize', 'Batch'],
  ['seed', 'Seed'],
];

/** The experiment of one site with other settings; or what is wrong with them. */
function againOf({ result, site }: SiteChoice, settings: AgainSettings): AlignExperiment | string {
  const { experiment } = result;
  const numbers = Object.fromEntries(
    settingNames.map(([name]) => [name, settings[name].trim() === '' ? Number.NaN : Number(settings[name])]),
  );
  const { learningRate = 0, epochs = 0, batchSize = 0, seed = 0 } = numbers;
  if (!(learningRate > 0)) return 'The learning rate is a number above 0.';
  for (const [name, value] of [
    ['Epochs', epochs],
    ['The batch', batchSize],
  ] as const)
    if (!Number.isInteger(value) || value < 1) return `${name} is a whole number from 1 on.`;
  if (batchSize > result.trainCount)
    return `There are ${result.trainCount} examples to train with; the batch has at most as many.`;
  if (!Number.isInteger(seed) || seed < 0 || seed > 2 ** 32 - 1)
    return 'The seed is a whole number from 0 on.';
  return {
    ...experiment,
    site: {
      ...experiment.site,
      layer: site.layer,
      // Joined positions are one site only within a list of sites.
      position: typeof site.position === 'object' ? [site.position] : site.position,
    },
    training: { ...experiment.training, learningRate, epochs, batchSize },
    seed,
  };
}

function Again({ choice }: { readonly choice: SiteChoice }) {
  const { trainAgain, cancelAgain } = useBench();
  const again = useBenchState((state) => state.again);
  const { training, seed } = choice.result.experiment;
  const [settings, setSettings] = useState<AgainSettings>({
    learningRate: String(training.learningRate),
    epochs: String(training.epochs),
    batchSize: String(training.batchSize),
    seed: String(seed),
  });
  const id = useId();
  const made = againOf(choice, settings);
  const problem = typeof made === 'string' ? made : null;
  const isRunning = again.status === 'running';
  const current = again.result?.sites.find((site) => site !== null);
  return (
    <details className="align-again">
      <summary>Train this site again with other settings</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typeof made !== 'string' && !isRunning) void trainAgain(made);
        }}
      >
        <div className="fields align-fields">
          {settingNames.map(([name, label]) => (
            <div className="field" key={name}>
              <label htmlFor={`${id}-${name}`}>{label}</label>
              <input
                id={`${id}-${name}`}
                className="field-number"
                inputMode="decimal"
                autoComplete="off"
                value={settings[name]}
                onChange={({ target }) => setSettings({ ...settings, [name]: target.value })}
              />
            </div>
          ))}
        </div>
        {problem !== null && <p className="field-problem">{problem}</p>}
        <div className="run-line">
          <button type="submit" className="button" aria-disabled={problem !== null || isRunning}>
            Train this site
          </button>
          {isRunning && (
            <>
              <button type="button" className="button" onClick={cancelAgain}>
                Cancel
              </button>
              <span className="run-progress">
                <Bar part={again.part} />
                <span className="run-note">
                  {current?.steps.loss.length ?? 0} steps, loss {current?.steps.loss.at(-1)?.toFixed(3) ?? ''}
                </span>
              </span>
            </>
          )}
        </div>
        <p className="mute small">The better of the two on the test part is kept in the map.</p>
        {again.message !== null && (
          <p className={again.status === 'failed' ? 'run-problem' : 'small'} role="status">
            {again.message}
          </p>
        )}
      </form>
    </details>
  );
}

export function SiteCard() {
  const choice = useChosenSite();
  const isRunning = useOwn(({ run }) => run.status === 'running');
  const [isTable, setIsTable] = useState(false);
  if (choice === null) return null;
  const { site } = choice;
  const isTraining = isRunning && !isSiteDone(site);
  return (
    <section className="card site-card" aria-labelledby="site-title">
      <div className="card-head">
        <h2 id="site-title">Training of {choiceWords(choice)}</h2>
        <span className="standing" data-kind={isTraining ? 'filling' : 'current'}>
          {isTraining ? 'in training' : ''}
        </span>
      </div>
      <Standing choice={choice} />
      <button type="button" className="button" aria-pressed={isTable} onClick={() => setIsTable(!isTable)}>
        Curves as a table
      </button>
      {isTable ? <CurvesTable site={site} /> : <LinesFigure description={siteCurves(choice)} />}
      <Again key={choiceWords(choice)} choice={choice} />
    </section>
  );
}
