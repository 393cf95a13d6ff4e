// The methods: each is trained by itself, on the same examples in the same order.

import { useId, useState } from 'react';
import { maskText } from '../prompt/mask.ts';
import {
  type AdapterFields,
  type AdapterType,
  adapterWords,
  changedAdapter,
  withAdapter,
  withoutAdapter,
} from './document.ts';
import { adapterField, adapterParts, isTrainable } from './draft.ts';
import { FieldOfAdapter, Problem, ProblemChoice } from './Fields.tsx';
import { useDocument, useEdit, useOwn, useProblems } from './hooks.ts';

const types: readonly (readonly [AdapterType, string])[] = [
  ['LoReFT', 'LoReFT'],
  ['NoReFT', 'NoReFT'],
  ['DiReFT', 'DiReFT'],
  ['LoRA', 'LoRA'],
  ['SteeringVector', 'Plain vector'],
];

const hints: Readonly<Record<AdapterType, string>> = {
  LoReFT: 'Moves the state within a few orthonormal directions',
  NoReFT: 'As LoReFT, without orthonormal directions',
  DiReFT: 'Adds within a few directions, without taking off',
  LoRA: 'Adds to what a module returns, from what enters it',
  SteeringVector: 'Adds one vector',
};

const usual = ['block_output', 'mlp_output', 'attention_output', 'query_output', 'value_output'];

function useComponents(own: string): readonly string[] {
  const model = useOwn(({ world }) => world.model);
  const known = model === null ? usual : model.components.filter(isTrainable).map(({ name }) => name);
  return known.includes(own) ? known : [own, ...known];
}

/** @param mask of a model that fills such */
function actsHint(where: AdapterFields['where'], mask: string | null): string {
  if (where === 'mask')
    return mask === null ? 'This model goes on behind its prompts' : `Where it predicts: ${mask}`;
  if (where === 'all')
    return mask === null ? 'The continuation too, as a change of weights' : 'As a change of weights acts';
  return mask === null ? 'The first and the last tokens' : 'The first and the last tokens, its own included';
}

function Positions({ adapter }: { readonly adapter: AdapterFields }) {
  const edit = useEdit();
  const { id, where, first, last, sharedWeights } = adapter;
  const mask = useOwn(({ world }) => maskText(world.model));
  const hasBoth = where === 'prompt' && Number(first) > 0 && Number(last) > 0;
  return (
    <>
      <ProblemChoice
        label="Acts on"
        name={adapterField(id, 'where')}
        value={where}
        choices={[
          ...(mask !== null || where === 'mask' ? [['mask', 'The mask'] as const] : []),
          ['prompt', 'Ends of the prompt'],
          ['all', 'All positions'],
        ]}
        hint={actsHint(where, mask)}
        onChange={(next) => edit((before) => changedAdapter(before, id, { where: next }))}
      />
      {where === 'prompt' && (
        <>
          <FieldOfAdapter adapter={adapter} name="first" label="First positions" hint="0 for none" />
          <FieldOfAdapter adapter={adapter} name="last" label="Last positions" hint="0 for none" />
        </>
      )}
      {hasBoth && (
        <label className="check-line tune-shared">
          <input
            type="checkbox"
            checked={sharedWeights}
            onChange={({ target }) =>
              edit((before) => changedAdapter(before, id, { sharedWeights: target.checked }))
            }
          />
          First and last share their weights
        </label>
      )}
    </>
  );
}

function Settings({ adapter }: { readonly adapter: AdapterFields }) {
  const edit = useEdit();
  const components = useComponents(adapter.component);
  const { id, type, component } = adapter;
  const hasRank = type !== 'SteeringVector';
  return (
    <div className="fields">
      <ProblemChoice
        label="Method"
        name={adapterField(id, 'type')}
        value={type}
        choices={types}
        hint={hints[type]}
        onChange={(next) => edit((before) => changedAdapter(before, id, { type: next }))}
      />
      {hasRank && <FieldOfAdapter adapter={adapter} name="rank" label="Rank" hint="Directions" />}
      {type === 'LoRA' && (
        <FieldOfAdapter adapter={adapter} name="alpha" label="Alpha" hint="Over the rank; empty: 1 in all" />
      )}
      <ProblemChoice
        label="Component"
        name={adapterField(id, 'component')}
        value={component}
        choices={components.map((each) => [each, each] as const)}
        hint={type === 'LoRA' ? 'One that a module returns' : 'Whose vector is changed'}
        onChange={(next) => edit((before) => changedAdapter(before, id, { component: next }))}
      />
      <FieldOfAdapter
        adapter={adapter}
        name="layers"
        label="Layers"
        hint="all, or numbers and ranges: 0, 2-5"
        isText
      />
      <Positions adapter={adapter} />
      <FieldOfAdapter
        adapter={adapter}
        name="name"
        label="Name"
        hint="Empty: of type, rank and place"
        isText
      />
    </div>
  );
}

/** One of several, in a line until it is to be changed. */
function Adapter({ adapter, place }: { readonly adapter: AdapterFields; readonly place: number }) {
  const edit = useEdit();
  const problems = useProblems();
  const [isOpen, setIsOpen] = useState(false);
  const hasProblem = adapterParts.some((part) => problems.has(adapterField(adapter.id, part)));
  const isShown = isOpen || hasProblem;
  const id = useId();
  return (
    <li className="variable tune-adapter" aria-label={`Method ${place + 1}`}>
      <div className="settings-line">
        <span className="setting-said">
          <span className="setting-name">{place + 1}</span> {adapterWords(adapter)}
        </span>
        <span className="settings-open tune-adapter-tools">
          <button
            type="button"
            className="button"
            aria-expanded={isShown}
            aria-controls={id}
            aria-label={`${isShown ? 'Close' : 'Change'} method ${place + 1}`}
            onClick={() => setIsOpen(!isShown)}
          >
            {isShown ? 'Close' : 'Change'}
          </button>
          <button
            type="button"
            className="button"
            aria-label={`Remove method ${place + 1}`}
            onClick={() => edit((before) => withoutAdapter(before, adapter.id))}
          >
            Remove
          </button>
        </span>
      </div>
      <div id={id} hidden={!isShown}>
        <Settings adapter={adapter} />
      </div>
    </li>
  );
}

export function AdaptersCard() {
  const { adapters } = useDocument();
  const edit = useEdit();
  return (
    <section className="card tune-methods" aria-labelledby="tune-methods-title" data-document>
      <div className="card-head">
        <h2 id="tune-methods-title">{adapters.length === 1 ? 'Method' : 'Methods, side by side'}</h2>
      </div>
      <ol className="variables tune-adapters" aria-label="Methods">
        {adapters.map((adapter, place) =>
          adapters.length === 1 ? (
            <li key={adapter.id} className="variable tune-adapter" aria-label="Method 1">
              <Settings adapter={adapter} />
            </li>
          ) : (
            <Adapter key={adapter.id} adapter={adapter} place={place} />
          ),
        )}
      </ol>
      <Problem name="adapters" />
      <button type="button" className="button" onClick={() => edit(withAdapter)}>
        Add a method to compare
      </button>
    </section>
  );
}
