// Vectors: of pairs of texts, from files, at random; and where in the model their texts are told apart.

import type { VectorMethod } from '../../experiments/steer/experiment.ts';
import { Choice } from '../experiment/Choice.tsx';
import { layersOfComponent } from '../model/componentLayers.ts';
import { useModel } from '../workbenchContext.tsx';
import { changedVector, withoutVector, withVector } from './changes.ts';
import { blankOrigin, methodTitles, type VectorField, type VectorOrigin } from './document.ts';
import { Check, SteerField } from './fields.tsx';
import { useDocument, useEdit, useHasProblem, useOpening, useProblem } from './hooks.ts';
import { NameField } from './NameField.tsx';
import { renamedVector, vectorNameProblem } from './names.ts';
import { textsWords } from './pairs.ts';
import { TextRows } from './TextRows.tsx';
import { VectorFileForm } from './VectorFileForm.tsx';

/** Components that have a vector at each token of a layer. */
function useComponents(current: string): readonly (readonly [string, string])[] {
  const components = useModel((state) => state.info?.components ?? null);
  const names = (components ?? [])
    .filter(({ layers, shape }) => layers !== null && shape[0] === 'position')
    .map(({ name }) => name);
  const all = names.includes(current) ? names : [current, ...names];
  return all.map((name) => [name, name.replaceAll('_', ' ')] as const);
}

const tokens = [
  ['-1', 'The last'],
  ['-2', 'The one before the last'],
  ['mean', 'The mean over all'],
] as const;

interface PartProps {
  readonly vector: VectorField;
  readonly change: (change: Parameters<typeof changedVector>[2], field?: string) => void;
}

function TextsPart({ vector, change }: PartProps) {
  const { origin, id, name } = vector;
  if (origin.kind !== 'texts') return null;
  const edit = (part: Partial<typeof origin>, field?: string) =>
    change({ origin: { ...origin, ...part } }, field);
  const isNamed = tokens.some(([token]) => token === origin.token);
  return (
    <>
      <TextRows
        name={name}
        control={`vector ${id}`}
        rows={origin.rows}
        onChange={(rows, field) => edit({ rows }, field)}
      />
      <div className="steer-pair">
        <Choice
          label="Method"
          value={origin.method}
          choices={Object.entries(methodTitles).map(
            ([method, title]) => [method as VectorMethod, title] as const, // The keys of a record of methods.
          )}
          onChange={(method) => edit({ method })}
        />
        {origin.method !== 'activation-addition' && (
          <Choice
            label="Token that is read"
            value={isNamed ? origin.token : 'other'}
            choices={[...tokens, ['other', 'Another']]}
            onChange={(token) => edit({ token: token === 'other' ? '0' : token })}
          />
        )}
        {!isNamed && (
          <SteerField
            label="Its position"
            name={`vector ${id} token`}
            value={origin.token}
            hint="From 0; −1 is the last"
            onChange={(token) => edit({ token }, 'token')}
          />
        )}
      </div>
    </>
  );
}

function originWords({ origin }: VectorField): string {
  switch (origin.kind) {
    case 'texts':
      return `${methodTitles[origin.method]}, ${textsWords(origin.rows)}`;
    case 'numbers':
      return `${origin.numbers.length} × ${origin.numbers[0]?.length ?? 0} numbers from a file`;
    case 'random':
      return 'drawn at random';
    default:
      return origin satisfies never;
  }
}

function VectorRow({ vector }: { readonly vector: VectorField }) {
  const apply = useEdit();
  const { id, name, origin } = vector;
  const change: PartProps['change'] = (part, field) =>
    apply((document) => changedVector(document, id, part), field && `vector ${id} ${field}`);
  const components = useComponents(vector.component);
  // A vector that is being made is open; one that is there says what it is.
  const isBeingMade = origin.kind === 'texts' && origin.rows.every(({ positive }) => positive === '');
  const [isOpen, setIsOpen] = useOpening(useHasProblem(`vector ${id} `), isBeingMade);
  return (
    <li className="steer-vector">
      <div className="steer-edit-head">
        <b className="steer-name">{name}</b>
        <button
          type="button"
          className="button-plain"
          aria-expanded={isOpen}
          aria-label={`${isOpen ? 'Close' : 'Open'} ${name}`}
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? 'Close' : 'Open'}
        </button>
        <button
          type="button"
          className="button-plain"
          aria-label={`Take away the vector ${name}`}
          onClick={() => apply((document) => withoutVector(document, id))}
        >
          Remove
        </button>
      </div>
      <p className="mute small">{originWords(vector)}</p>
      {isOpen && (
        <div className="steer-vector-body">
          <NameField
            control={`vector ${id} name`}
            name={name}
            problemOf={(document, next) => vectorNameProblem(document, id, next)}
            rename={(document, next) => renamedVector(document, id, next)}
          />
          <TextsPart vector={vector} change={change} />
          {origin.kind === 'random' && (
            <SteerField
              label="Seed"
              name={`vector ${id} seed`}
              value={origin.seed}
              onChange={(seed) => change({ origin: { kind: 'random', seed } }, 'seed')}
            />
          )}
          <div className="steer-pair">
            <Choice
              label="Component"
              value={vector.component}
              choices={components}
              onChange={(component) => change({ component })}
            />
            <SteerField
              label="Made at layers"
              name={`vector ${id} layers`}
              value={vector.layers}
              placeholder="all"
              onChange={(layers) => change({ layers }, 'layers')}
            />
          </div>
          {vector.component.startsWith('head_') && (
            <SteerField
              label="Heads"
              name={`vector ${id} heads`}
              value={vector.heads}
              placeholder="all"
              onChange={(heads) => change({ heads }, 'heads')}
            />
          )}
          <Check
            label="Unit length at each site"
            isOn={vector.normalize}
            onChange={(normalize) => change({ normalize })}
          />
        </div>
      )}
    </li>
  );
}

export function VectorsCard() {
  const { vectors } = useDocument();
  const edit = useEdit();
  const layerCount = useModel((state) => state.info && layersOfComponent(state.info, 'block_output'));
  const middle = layerCount === null ? null : Math.floor(layerCount / 2);
  const add = (name: string, origin: VectorOrigin) =>
    edit((document) =>
      withVector(
        document,
        { name, component: 'block_output', layers: '', heads: '', normalize: false, origin },
        middle,
      ),
    );
  const none = useProblem('vectors');
  return (
    <section className="card steer-vectors" aria-labelledby="vectors-title" data-document>
      <div className="card-head">
        <h2 id="vectors-title">Vectors</h2>
      </div>
      {none !== undefined && <p className="mute">{none}</p>}
      <ul className="steer-list">
        {vectors.map((vector) => (
          <VectorRow key={vector.id} vector={vector} />
        ))}
      </ul>
      <div className="steer-adds">
        <button
          type="button"
          className={vectors.length === 0 ? 'button button-primary' : 'button'}
          onClick={() => add('vector', blankOrigin)}
        >
          Make one of texts
        </button>
        <VectorFileForm />
        <button
          type="button"
          className="button"
          title="A direction drawn evenly, to compare with"
          onClick={() => add('random', { kind: 'random', seed: '0' })}
        >
          Random
        </button>
      </div>
    </section>
  );
}
