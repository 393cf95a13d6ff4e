// What the model reads, and what the run that is compared with reads in its place.

import { useState } from 'react';
import type { Noise, TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import { Choice } from '../experiment/Choice.tsx';
import { TextField } from '../experiment/TextField.tsx';
import { NumberField } from './fields.tsx';
import { type Contrast, contrastOf, withContrast, withGiven } from './formed.ts';
import { useEdit, useExperiment, useProblem, useStructure } from './hooks.ts';
import { InputField } from './InputField.tsx';

function NoiseFields({ noise }: { readonly noise: Noise }) {
  const edit = useEdit();
  const problem = useProblem('noise');
  const change = (part: Partial<Noise>, field: string) =>
    edit(
      (experiment) =>
        experiment.noise ? { ...experiment, noise: { ...experiment.noise, ...part } } : experiment,
      field,
    );
  const isMultiple = typeof noise.level !== 'number';
  const level = typeof noise.level === 'number' ? noise.level : noise.level.standardDeviations;
  return (
    <div className="tensors-fields">
      <TextField
        isText
        label="Noise on"
        problem={problem}
        value={noise.tensor}
        list="tensor-names"
        hint="An input or a tensor of floating-point numbers."
        onChange={(tensor) => change({ tensor }, 'noise tensor')}
      />
      <NumberField
        label={isMultiple ? 'Level, in standard deviations' : 'Level'}
        value={level}
        isValid={(value) => value > 0}
        hint="A number above 0."
        onChange={(value) =>
          change({ level: isMultiple ? { standardDeviations: value } : value }, 'noise level')
        }
      />
      <NumberField
        label="Samples"
        value={noise.samples}
        isValid={(value) => Number.isInteger(value) && value >= 1 && value <= 64}
        hint="A whole number from 1 to 64."
        onChange={(samples) => change({ samples }, 'noise samples')}
      />
      <NumberField
        label="Seed"
        value={noise.seed}
        isValid={(value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32}
        hint="A whole number."
        onChange={(seed) => change({ seed }, 'noise seed')}
      />
    </div>
  );
}

const contrasts: readonly (readonly [Contrast, string])[] = [
  ['corrupted', 'Another input'],
  ['noise', 'Noise'],
  ['ablation', 'A number (ablation)'],
];

function ContrastFields({ experiment }: { readonly experiment: TensorsExperiment }) {
  const structure = useStructure();
  const edit = useEdit();
  const problem = useProblem('contrast');
  const contrast = contrastOf(experiment);
  return (
    <>
      <div className="tensors-fields">
        <Choice
          label="What is put in comes from"
          value={contrast}
          choices={contrasts}
          onChange={(chosen) => edit((present) => withContrast(present, chosen, structure))}
        />
        {contrast !== 'ablation' && (
          <Choice
            label="Direction"
            value={experiment.direction ?? 'restore'}
            choices={[
              ['restore', 'Clean states into the corrupted run'],
              ['corrupt', 'Corrupted states into the clean run'],
            ]}
            onChange={(direction) => edit((present) => ({ ...present, direction }))}
          />
        )}
        <Choice
          label="Cells"
          value={experiment.method ?? 'run'}
          choices={[
            ['run', 'A run each'],
            ['gradient', 'To first order, by slopes: no run each'],
          ]}
          onChange={(method) =>
            edit(({ method: _, ...present }) => (method === 'gradient' ? { ...present, method } : present))
          }
        />
        {experiment.ablation && (
          <NumberField
            label="Number"
            value={experiment.ablation.value}
            isValid={Number.isFinite}
            hint="What takes the place of what the clean run has."
            onChange={(value) => edit((present) => ({ ...present, ablation: { value } }), 'ablation')}
          />
        )}
      </div>
      {problem !== undefined && <p className="field-problem">{problem}</p>}
      {contrast === 'corrupted' &&
        structure?.inputs
          .filter(({ use }) => use !== 'companion')
          .map((input) => (
            <InputField
              key={input.name}
              input={input}
              run="corrupted"
              given={experiment.corrupted?.[input.name]}
              onChange={(given, field) =>
                edit(
                  (present) => ({ ...present, corrupted: withGiven(present.corrupted, input.name, given) }),
                  field,
                )
              }
            />
          ))}
      {experiment.noise && <NoiseFields noise={experiment.noise} />}
    </>
  );
}

export function InputsCard() {
  const experiment = useExperiment();
  const structure = useStructure();
  const edit = useEdit();
  const [showsAll, setShowsAll] = useState(false);
  if (experiment === null || structure === undefined) return null;
  const companions = structure.inputs.filter(({ use }) => use === 'companion');
  const shown = showsAll ? structure.inputs : structure.inputs.filter(({ use }) => use !== 'companion');
  return (
    <>
      <h3>Clean run</h3>
      {shown.map((input) => (
        <InputField
          key={input.name}
          input={input}
          run="clean"
          given={experiment.clean[input.name]}
          onChange={(given, field) =>
            edit((present) => ({ ...present, clean: withGiven(present.clean, input.name, given) }), field)
          }
        />
      ))}
      {companions.length > 0 && !showsAll && (
        <p className="small mute">
          {companions.map(({ name }) => name).join(', ')}: made for the text.{' '}
          <button type="button" className="button-plain" onClick={() => setShowsAll(true)}>
            Give them
          </button>
        </p>
      )}
      <h3>Compared with</h3>
      <ContrastFields experiment={experiment} />
    </>
  );
}
