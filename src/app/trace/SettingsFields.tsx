// The fields of a trace's settings, each with its default stated and what is wrong with it beside it.

import { usualWindow } from '../../experiments/trace/cells.ts';
import { streamTitle } from '../../experiments/trace/figure.ts';
import { Choice } from '../experiment/Choice.tsx';
import { TextField, type TextFieldProps } from '../experiment/TextField.tsx';
import { FileDrop } from '../prompt/FileDrop.tsx';
import { useModel } from '../workbenchContext.tsx';
import type { StreamField, TraceDocument } from './document.ts';
import type { FieldName } from './draft.ts';
import { useDocument, useDraft, useOwnPage } from './hooks.ts';
import { isCut } from './readBeside.ts';
import { layersOf, streamsOf } from './streams.ts';

/** Changes fields of the document; what is typed into one field without a pause is one step of undo. */
function useEdit(): (change: Partial<TraceDocument>, field?: string) => void {
  const page = useOwnPage();
  return (change, field) => page.edit((document) => ({ ...document, ...change }), field);
}

function OwnField({ name, ...rest }: Omit<TextFieldProps, 'problem'> & { readonly name: FieldName }) {
  const { problems } = useDraft();
  return <TextField {...rest} problem={problems.get(name)} />;
}

const corruptions: readonly (readonly [TraceDocument['corruption'], string])[] = [
  ['noise', 'Gaussian noise'],
  ['replace', 'Other tokens'],
  ['zero', 'Zero embeddings'],
  ['mean', 'Mean embeddings'],
];

/** For models that read a picture or a sound. */
const exchange = ['exchange', 'Another in its place'] as const;

export function CorruptionFields() {
  const document = useDocument();
  const edit = useEdit();
  const { corruption, levelUnit, other } = document;
  const { reads, problems } = useDraft();
  const isExchanged = isCut(reads) || corruption === 'exchange';
  return (
    <fieldset className="fieldset">
      <legend>Corrupt the subject</legend>
      <div className="fields">
        <Choice
          label="How"
          value={corruption}
          choices={isExchanged ? [...corruptions, exchange] : corruptions}
          hint="Default: noise, as in ROME"
          onChange={(next) => edit({ corruption: next })}
        />
        {corruption === 'noise' && (
          <>
            <OwnField
              label="Level"
              hint={
                levelUnit === 'sigma'
                  ? 'Default 3 σ: standard deviations of the subject’s embeddings'
                  : 'Standard deviation of the noise'
              }
              name="level"
              value={document.level}
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
              onChange={(level) => edit({ level }, 'level')}
            />
            <OwnField
              label="Samples"
              hint="Default 10; time grows with them"
              name="samples"
              value={document.samples}
              onChange={(samples) => edit({ samples }, 'samples')}
            />
            <OwnField
              label="Seed"
              hint="Default 1, of NumPy’s RandomState"
              name="seed"
              value={document.seed}
              onChange={(seed) => edit({ seed }, 'seed')}
            />
          </>
        )}
        {corruption === 'exchange' && (
          <FileDrop
            kind={reads?.kind === 'sound' ? 'sound' : 'image'}
            label={reads?.kind === 'sound' ? 'Other sound' : 'Other picture'}
            given={other}
            problem={problems.get('other')}
            onGive={(given) => edit({ other: given })}
          />
        )}
        {corruption === 'replace' && (
          <OwnField
            label="Text in its place"
            hint={
              document.replacementIds === null
                ? 'As many tokens as the subject, its leading space included'
                : `From the file: tokens ${document.replacementIds.join(', ')}. What you type takes their place`
            }
            name="replacement"
            isText
            value={document.replacement}
            onChange={(replacement) => edit({ replacement, replacementIds: null }, 'replacement')}
          />
        )}
        <Choice
          label="Direction"
          value={document.direction}
          choices={[
            ['restore', 'Restore clean'],
            ['corrupt', 'Insert corrupted'],
          ]}
          hint={
            document.direction === 'restore'
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
  const page = useOwnPage();
  const model = useModel((state) => state.info);
  const { problems, streams } = useDraft();
  const change = (component: string, part: Partial<StreamField>, field?: string) =>
    page.edit(
      (document) => ({
        ...document,
        streams: streamsOf(document, model).map((each) =>
          each.component === component ? { ...each, ...part } : each,
        ),
      }),
      field,
    );
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
                onChange={(event) =>
                  change(component, { window: event.target.value }, `window of ${component}`)
                }
              />
              <span className="mute">{window === '1' ? 'layer' : 'layers'}</span>
            </span>
            <span className="field-hint">
              {component}
              {model !== null && `, default ${usualWindow(component, layersOf(component, model))}`}
            </span>
          </div>
        ))}
      </div>
      {problems.has('streams') && <p className="field-problem">{problems.get('streams')}</p>}
    </fieldset>
  );
}
