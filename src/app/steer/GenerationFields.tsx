// What is compared, what the effect is measured on, and how the texts are drawn.

import { steerColumns } from '../../experiments/steer/experiment.ts';
import { BroughtLine } from './BroughtLine.tsx';
import { broughtByColumns, broughtByGeneration } from './broughtSettings.ts';
import { columnTitles, type GenerationField } from './document.ts';
import { Check, Problem, SteerField } from './fields.tsx';
import { useDocument, useDraft, useEdit, useOpening, useProblem } from './hooks.ts';

export function ColumnFields() {
  const document = useDocument();
  const { columns, asked } = document;
  const edit = useEdit();
  return (
    <fieldset className="steer-checks">
      <legend className="small mute">Side by side</legend>
      {steerColumns.map((column) => (
        <Check
          key={column}
          label={columnTitles[column]}
          isOn={columns.includes(column)}
          onChange={(isOn) =>
            edit((current) => ({
              ...current,
              columns: steerColumns.filter((each) =>
                each === column ? isOn : current.columns.includes(each),
              ),
            }))
          }
        />
      ))}
      {columns.includes('asked') && (
        <SteerField
          label="What asks for it"
          name="asked"
          isText
          value={asked}
          hint="Put before the prompt as it stands, its last space included; in a chat, the system turn"
          onChange={(next) => edit((current) => ({ ...current, asked: next }), 'asked')}
        />
      )}
      <Problem name="columns" />
      <BroughtLine settings={broughtByColumns(document)} />
    </fieldset>
  );
}

export function WordsFields() {
  const { words } = useDocument();
  const edit = useEdit();
  const change = (part: Partial<typeof words>, field: string) =>
    edit((document) => ({ ...document, words: { ...document.words, ...part } }), field);
  return (
    <div className="steer-pair">
      <SteerField
        label="Measured on the words"
        name="towards"
        isText
        value={words.towards}
        placeholder="Rome, Italy"
        hint="A space is put before each; “as it is” in quotation marks"
        onChange={(towards) => change({ towards }, 'towards')}
      />
      <SteerField
        label="against"
        name="away"
        isText
        value={words.away}
        placeholder="Paris"
        onChange={(away) => change({ away }, 'away')}
      />
    </div>
  );
}

const fields: readonly (readonly [
  name: keyof GenerationField & string,
  label: string,
  placeholder: string,
])[] = [
  ['maxNewTokens', 'New tokens', '20'],
  ['temperature', 'Temperature', '0'],
  ['topK', 'Top k', 'all'],
  ['topP', 'Top p', 'all'],
  ['minP', 'Min p', 'all'],
  ['seed', 'Seed', '0'],
  ['samples', 'Samples', '1'],
];

function Stop() {
  const { generation } = useDocument();
  const edit = useEdit();
  const problem = useProblem('stop');
  return (
    <div className="field">
      <label htmlFor="steer-stop">Stop strings</label>
      <textarea
        id="steer-stop"
        className="prompt-text mono steer-stop"
        rows={1}
        value={generation.stop}
        aria-invalid={problem !== undefined}
        aria-describedby="steer-stop-hint"
        onChange={(event) =>
          edit(
            (document) => ({
              ...document,
              generation: { ...document.generation, stop: event.target.value },
            }),
            'stop',
          )
        }
      />
      <span id="steer-stop-hint" className={problem === undefined ? 'field-hint' : 'field-problem'}>
        {problem ?? 'One a line; \\n is a line break'}
      </span>
    </div>
  );
}

export function GenerationFields() {
  const document = useDocument();
  const { generation } = document;
  const { problems } = useDraft();
  const edit = useEdit();
  const hasProblem = [...fields.map(([name]) => name as string), 'stop'].some((name) => problems.has(name));
  const [isOpen, setIsOpen] = useOpening(hasProblem);
  const summary = [
    `${generation.maxNewTokens} new tokens`,
    generation.temperature.trim() === '' || generation.temperature.trim() === '0'
      ? 'the most probable each time'
      : `temperature ${generation.temperature}`,
    ...(generation.temperature.trim() === '' ? [] : [`seed ${generation.seed}`]),
  ].join(', ');
  return (
    <div className="steer-generation">
      <button type="button" className="setting" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
        <span className="setting-name">Texts</span> {summary}
      </button>
      {isOpen && (
        <div className="fields">
          {fields.map(([name, label, placeholder]) => (
            <SteerField
              key={name}
              label={label}
              name={name}
              // All of these fields are texts; what a file brings besides has no control.
              value={String(generation[name])}
              placeholder={placeholder}
              onChange={(value) =>
                edit(
                  (current) => ({ ...current, generation: { ...current.generation, [name]: value } }),
                  name,
                )
              }
            />
          ))}
          <Stop />
        </div>
      )}
      <BroughtLine settings={broughtByGeneration(document)} />
    </div>
  );
}
