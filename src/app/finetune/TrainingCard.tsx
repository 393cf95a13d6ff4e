// How the methods are trained, what it will cost, and the run.

import { useState } from 'react';
import { Choice } from '../experiment/Choice.tsx';
import { RunBar } from '../experiment/RunBar.tsx';
import { formatCount } from '../quantities.ts';
import type { TrainingFields } from './document.ts';
import { DocumentField, TrainingField } from './Fields.tsx';
import { useDocument, useEdit, useIsTraining, useOwn, useProblems, useResult } from './hooks.ts';

function Settings() {
  const { training } = useDocument();
  const edit = useEdit();
  const set = (change: Partial<TrainingFields>) =>
    edit((before) => ({ ...before, training: { ...before.training, ...change } }));
  return (
    <div className="fields align-fields">
      <TrainingField name="batchSize" label="Batch" hint="Examples in a step" />
      <TrainingField
        name="microBatch"
        label="Run at once"
        hint="Empty: as many as fit; the step is the same"
      />
      <TrainingField name="epochs" label="Epochs" hint="Times through the examples" />
      <TrainingField name="learningRate" label="Learning rate" hint="pyreft’s examples: 0.004" />
      <Choice
        label="Schedule"
        value={training.schedule}
        choices={[
          ['linear', 'Up, then down to 0'],
          ['constant', 'Constant'],
        ]}
        onChange={(schedule) => set({ schedule })}
      />
      <TrainingField name="warmUp" label="Warm-up" hint="Share of the steps" />
      <Choice
        label="Optimiser"
        value={training.optimizer}
        choices={[
          ['adamw', 'AdamW'],
          ['adam', 'Adam'],
          ['sgd', 'SGD'],
        ]}
        onChange={(optimizer) => set({ optimizer })}
      />
      <TrainingField name="weightDecay" label="Weight decay" hint="0 for none" />
      <TrainingField name="clip" label="Clip at" hint="Length of all gradients; empty: never" />
      <TrainingField name="testEvery" label="Look every" hint="Epochs between looks at what is held out" />
      <DocumentField name="seed" label="Seed" hint="Of the first numbers and the order" />
      <label className="check-line">
        <input
          type="checkbox"
          checked={training.shuffle}
          onChange={({ target }) => set({ shuffle: target.checked })}
        />
        Another order in each epoch
      </label>
    </div>
  );
}

/** What can be said before anything runs. */
function Notices() {
  const { estimate, key } = useOwn((state) => state);
  if (estimate.status !== 'known' || estimate.key !== key || estimate.value.notices.length === 0) return null;
  return (
    <ul className="warnings">
      {estimate.value.notices.map(({ code, text }) => (
        <li key={`${code} ${text}`}>{text}</li>
      ))}
    </ul>
  );
}

/** How far the adapter in training is, by its steps. */
function Steps() {
  const result = useResult();
  const isTraining = useIsTraining();
  if (result === null || !isTraining) return null;
  const index = result.adapters.findIndex((adapter) => adapter?.end === 'begun');
  const adapter = result.adapters[index];
  if (!adapter) return null;
  const { batchSize, epochs } = result.experiment.training;
  const all = Math.ceil(result.trainCount / batchSize) * epochs;
  const loss = adapter.steps.loss.at(-1);
  return (
    <p className="small">
      {result.names[index]}: step {formatCount(adapter.steps.loss.length)} of {formatCount(all)}
      {loss !== undefined && `, loss ${loss.toFixed(3)} nats`}
    </p>
  );
}

const settingNames = [
  ...['batchSize', 'microBatch', 'epochs', 'learningRate', 'warmUp', 'weightDecay', 'clip', 'testEvery'],
  'seed',
];

export function TrainingCard() {
  const [isOpen, setIsOpen] = useState(false);
  const { training } = useDocument();
  const problems = useProblems();
  const hasProblem = settingNames.some((name) => problems.has(name));
  const { batchSize, epochs, learningRate, optimizer } = training;
  return (
    <section className="card tune-training" aria-labelledby="tune-training-title" data-document>
      <div className="card-head">
        <h2 id="tune-training-title">Training</h2>
      </div>
      <div className="settings-line">
        <span className="setting-said">
          {epochs} epochs of batches of {batchSize}, {optimizer} at {learningRate}
        </span>
        <span className="settings-open">
          <button
            type="button"
            className="button"
            aria-expanded={isOpen || hasProblem}
            aria-controls="tune-settings"
            onClick={() => setIsOpen(!isOpen)}
          >
            {isOpen ? 'Close settings' : 'Change settings'}
          </button>
        </span>
      </div>
      <div id="tune-settings" hidden={!isOpen && !hasProblem}>
        <Settings />
      </div>
      <Notices />
      <RunBar />
      <Steps />
    </section>
  );
}
