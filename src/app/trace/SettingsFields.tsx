// The fields of a trace's settings, each with its default stated and what is wrong with it beside it.

import { type ReactNode, useId } from 'react';
import { usualWindow } from '../../experiments/trace/cells.ts';
import { useDraft, useModel, useTrace } from '../workbenchContext.tsx';
import { streamTitle } from './figure.ts';
import type { InputName, TraceInputs } from './inputs.ts';

interface TextFieldProps {
  readonly label: string;
  readonly hint: string;
  readonly name: InputName;
  readonly value: string;
  readonly isText?: boolean;
  readonly after?: ReactNode;
  readonly onChange: (value: string) => void;
}

function TextField({ label, hint, name, value, isText = false, after, onChange }: TextFieldProps) {
  const { problems } = useDraft();
  const id = useId();
  const problem = problems.get(name);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <span className="field-line">
        <input
          id={id}
          className={isText ? 'mono' : 'field-number'}
          inputMode={isText ? 'text' : 'decimal'}
          value={value}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby={`${id}-hint`}
          onChange={(event) => onChange(event.target.value)}
        />
        {after}
      </span>
      <span id={`${id}-hint`} className={problem === undefined ? 'field-hint' : 'field-problem'}>
        {problem ?? hint}
      </span>
    </div>
  );
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly choices: readonly (readonly [Value, string])[];
  readonly hint?: string;
  readonly onChange: (value: Value) => void;
}

export function Choice<Value extends string>({ label, value, choices, hint, onChange }: ChoiceProps<Value>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="select"
        value={value}
        onChange={(event) => {
          const chosen = choices.find(([each]) => each === event.target.value);
          if (chosen) onChange(chosen[0]);
        }}
      >
        {choices.map(([each, name]) => (
          <option key={each} value={each}>
            {name}
          </option>
        ))}
      </select>
      {hint !== undefined && <span className="field-hint">{hint}</span>}
    </div>
  );
}

const corruptions: readonly (readonly [TraceInputs['corruption'], string])[] = [
  ['noise', 'Gaussian noise'],
  ['replace', 'Other tokens'],
  ['zero', 'Zero embeddings'],
  ['mean', 'Mean embeddings'],
];

export function CorruptionFields() {
  const inputs = useTrace((state) => state.inputs);
  const edit = useTrace((state) => state.edit);
  const { corruption, levelUnit } = inputs;
  return (
    <fieldset className="fieldset">
      <legend>Corrupt the subject</legend>
      <div className="fields">
        <Choice
          label="How"
          value={corruption}
          choices={corruptions}
          hint="Default: noise, as in ROME"
          onChange={(next) => edit({ corruption: next })}
        />
        {corruption === 'noise' && (
          <>
            <TextField
              label="Level"
              hint={
                levelUnit === 'sigma'
                  ? 'Default 3 σ: standard deviations of the subject’s embeddings'
                  : 'Standard deviation of the noise'
              }
              name="level"
              value={inputs.level}
              after={
                <select
                  className="select"
                  aria-label="Unit of the level"
                  value={levelUnit}
                  onChange={(event) =>
                    edit({ levelUnit: event.target.value === 'sigma' ? 'sigma' : 'number' })
                  }
                >
                  <option value="sigma">× σ</option>
                  <option value="number">number</option>
                </select>
              }
              onChange={(level) => edit({ level })}
            />
            <TextField
              label="Samples"
              hint="Default 10; time grows with them"
              name="samples"
              value={inputs.samples}
              onChange={(samples) => edit({ samples })}
            />
            <TextField
              label="Seed"
              hint="Default 1, of NumPy’s RandomState"
              name="seed"
              value={inputs.seed}
              onChange={(seed) => edit({ seed })}
            />
          </>
        )}
        {corruption === 'replace' && (
          <TextField
            label="Text in its place"
            hint="As many tokens as the subject, its leading space included"
            name="replacement"
            isText
            value={inputs.replacement}
            onChange={(replacement) => edit({ replacement })}
          />
        )}
        <Choice
          label="Direction"
          value={inputs.direction}
          choices={[
            ['restore', 'Restore clean'],
            ['corrupt', 'Insert corrupted'],
          ]}
          hint={
            inputs.direction === 'restore'
              ? 'Default. Asks what is enough for the answer'
              : 'Asks what the answer needs'
          }
          onChange={(direction) => edit({ direction })}
        />
      </div>
    </fieldset>
  );
}

export function StreamFields() {
  const streams = useTrace((state) => state.inputs.streams);
  const edit = useTrace((state) => state.edit);
  const layerCount = useModel((state) => state.info?.layerCount ?? null);
  const { problems } = useDraft();
  const change = (component: string, part: Partial<(typeof streams)[number]>) =>
    edit({ streams: streams.map((each) => (each.component === component ? { ...each, ...part } : each)) });
  return (
    <fieldset className="fieldset">
      <legend>Put back, at every token and layer</legend>
      <div className="fields">
        {streams.map(({ component, isOn, window }) => (
          <div key={component} className="field">
            <label className="check-line">
              <input
                type="checkbox"
                checked={isOn}
                onChange={(event) => change(component, { isOn: event.target.checked })}
              />
              {streamTitle(component)}
            </label>
            <span className="field-line">
              <input
                className="field-number"
                inputMode="numeric"
                aria-label={`Window of ${streamTitle(component)}, in layers`}
                value={window}
                onChange={(event) => change(component, { window: event.target.value })}
              />
              <span className="mute">{window === '1' ? 'layer' : 'layers'}</span>
            </span>
            <span className="field-hint">
              {component}
              {layerCount !== null && `, default ${usualWindow(component, layerCount)}`}
            </span>
          </div>
        ))}
      </div>
      {problems.has('streams') && <p className="field-problem">{problems.get('streams')}</p>}
    </fieldset>
  );
}
