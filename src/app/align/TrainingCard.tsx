// Where an intervention is trained, which, and how; what it will cost; and the run.

import { useState } from 'react';
import { Choice } from '../experiment/Choice.tsx';
import { RunBar } from '../experiment/RunBar.tsx';
import { maskText } from '../prompt/mask.ts';
import type { InterventionType, TrainingFields } from './document.ts';
import { DocumentChoice, DocumentField, TrainingField } from './Fields.tsx';
import { useBenchState, useDocument, useEdit, useOwn, useProblems } from './hooks.ts';

const types: readonly (readonly [InterventionType, string])[] = [
  ['LowRankRotated', 'Low-rank rotation (DAS)'],
  ['Rotated', 'Full rotation'],
  ['BoundlessRotated', 'Boundless DAS'],
  ['SigmoidMask', 'Mask'],
  ['SigmoidMaskRotated', 'Rotated mask'],
];

const usualComponents = ['block_output', 'mlp_output', 'attention_output'];

/** Components with a vector, or one for each head, at each position of a layer. */
function useComponents(): readonly string[] {
  const model = useOwn((state) => state.world.model);
  const { component } = useDocument();
  const known =
    model?.components
      .filter(({ layers, shape }) => layers !== null && shape[0] === 'position')
      .map(({ name }) => name) ?? usualComponents;
  return known.includes(component) ? known : [component, ...known];
}

function Site() {
  const document = useDocument();
  const { type } = document;
  const hasHeads = useOwn(
    ({ world }) =>
      (world.model?.components.find(({ name }) => name === document.component)?.shape.length ?? 0) > 2,
  );
  const names = useBenchState((state) => state.task?.value?.positionNames) ?? [];
  const components = useComponents();
  const own = useOwn(({ world }) => maskText(world.model)) === null ? ['last'] : ['mask', 'last'];
  const isLearning = type !== 'LowRankRotated' && type !== 'Rotated';
  return (
    <div className="fields align-fields">
      <DocumentChoice
        name="component"
        label="Component"
        hint="Whose vector is interchanged"
        choices={components.map((each) => [each, each] as const)}
      />
      <DocumentField name="layers" label="Layers" hint="all, or numbers and ranges: 0, 2-5" />
      <DocumentField
        name="positions"
        label="Positions"
        hint={`There are: ${[...own, ...names].join(', ')}; + joins two into one site`}
      />
      {(hasHeads || document.heads !== '') && (
        <DocumentField name="heads" label="Heads" hint="Numbers with commas; several are joined" />
      )}
      <DocumentChoice name="type" label="Intervention" hint="What is trained at a site" choices={types} />
      {isLearning ? (
        <>
          <DocumentField name="penalty" label="Penalty" hint="Times the share interchanged" isNumber />
          <DocumentField
            name="boundaryRate"
            label="Rate of the boundary"
            hint="Empty: 10 times the other"
            isNumber
          />
        </>
      ) : (
        <DocumentField
          name="rank"
          label={type === 'Rotated' ? 'Directions' : 'Rank'}
          hint="Directions that are interchanged"
          isNumber
        />
      )}
    </div>
  );
}

function Settings() {
  const { training, type } = useDocument();
  const edit = useEdit();
  const set = (change: Partial<TrainingFields>) =>
    edit((before) => ({ ...before, training: { ...before.training, ...change } }));
  const isTempered = type !== 'LowRankRotated' && type !== 'Rotated';
  return (
    <div className="fields align-fields">
      <TrainingField name="batchSize" label="Batch" hint="Examples in a step" />
      <TrainingField name="epochs" label="Epochs" hint="Times through the examples" />
      <TrainingField name="learningRate" label="Learning rate" hint="pyvene's default: 0.001" />
      <Choice
        label="Schedule"
        value={training.schedule}
        choices={[
          ['linear', 'Up, then down to 0'],
          ['constant', 'Constant'],
        ]}
        onChange={(schedule) => set({ schedule })}
      />
      {training.schedule === 'linear' && (
        <TrainingField name="warmUp" label="Warm-up" hint="Share of the steps" />
      )}
      <Choice
        label="Optimiser"
        value={training.optimizer}
        choices={[
          ['adam', 'Adam'],
          ['adamw', 'AdamW'],
          ['sgd', 'SGD'],
        ]}
        onChange={(optimizer) => set({ optimizer })}
      />
      {isTempered && (
        <>
          <TrainingField name="temperatureFrom" label="Temperature at first" hint="pyvene's: 50" />
          <TrainingField name="temperatureTo" label="Temperature at last" hint="pyvene's: 0.1" />
        </>
      )}
      <TrainingField
        name="patience"
        label="Stop early after"
        hint="Epochs without a lower loss; empty: never"
      />
      {training.patience.trim() !== '' && (
        <TrainingField name="minDelta" label="Lower by" hint="Nats, of the mean of an epoch" />
      )}
      <DocumentField name="seed" label="Seed" hint="Of the first rotation and the order" isNumber />
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

const settingNames = [
  ...['batchSize', 'epochs', 'learningRate', 'warmUp', 'temperatureFrom', 'temperatureTo', 'patience'],
  ...['minDelta', 'seed'],
];

export function TrainingCard() {
  const [isOpen, setIsOpen] = useState(false);
  const { training } = useDocument();
  const problems = useProblems();
  const hasProblem = settingNames.some((name) => problems.has(name));
  const { batchSize, epochs, learningRate, optimizer } = training;
  return (
    <section className="card training-card" aria-labelledby="training-title" data-document>
      <div className="card-head">
        <h2 id="training-title">Training</h2>
      </div>
      <Site />
      <div className="settings-line">
        <span className="setting-said">
          <span className="setting-name">Training</span> {epochs} epochs of batches of {batchSize},{' '}
          {optimizer} at {learningRate}
        </span>
        <span className="settings-open">
          <button
            type="button"
            className="button"
            aria-expanded={isOpen || hasProblem}
            aria-controls="align-settings"
            onClick={() => setIsOpen(!isOpen)}
          >
            {isOpen ? 'Close settings' : 'Change settings'}
          </button>
        </span>
      </div>
      <div id="align-settings" hidden={!isOpen && !hasProblem}>
        <Settings />
      </div>
      <RunBar />
    </section>
  );
}
