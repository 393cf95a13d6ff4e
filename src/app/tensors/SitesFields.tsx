// What is swept: components of all layers, single tensors, the chain of the model; and by which places.

import { useState } from 'react';
import type { TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import { nearestNames } from '../../messages/nearest.ts';
import { Choice } from '../experiment/Choice.tsx';
import { NumberField, TextField } from './fields.tsx';
import { useEdit, useStructure } from './hooks.ts';

/** Names that can be swept, those of the field first. */
function useSiteNames(): readonly string[] {
  const structure = useStructure();
  if (!structure) return [];
  const components = structure.stacks.flatMap((stack) => stack.components);
  const known = components.filter(({ isKnown }) => isKnown).map(({ name }) => name);
  const others = components.filter(({ isKnown }) => !isKnown).map(({ name }) => name);
  const chain = structure.chain.length > 0 ? ['chain'] : [];
  return [...new Set([...known, ...chain, ...others, ...structure.tensors.map(({ name }) => name)])];
}

/** A long list of a file's thousands of tensors makes the browser slow; what is typed narrows it. */
const mostSuggestions = 200;

export function TensorNames({ typed = '' }: { readonly typed?: string }) {
  const names = useSiteNames();
  const found = names.filter((name) => name.toLowerCase().includes(typed.toLowerCase()));
  return (
    <datalist id="tensor-names">
      {found.slice(0, mostSuggestions).map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
}

function AddSite({ experiment }: { readonly experiment: TensorsExperiment }) {
  const edit = useEdit();
  const names = useSiteNames();
  const [typed, setTyped] = useState('');
  const known = new Set(names);
  const name = typed.trim();
  const base = name.replace(/:\d+$/, '');
  const isThere = experiment.sites.some(({ site }) => site === name);
  const near = nearestNames(name, names)[0];
  const problem =
    name === '' || known.has(name) || known.has(base)
      ? isThere
        ? 'It is swept already.'
        : undefined
      : `The model has no tensor of this name.${near === undefined ? '' : ` Did you mean '${near}'?`}`;
  const add = () => {
    if (name === '' || problem !== undefined) return;
    edit((present) => ({ ...present, sites: [...present.sites, { site: name }] }));
    setTyped('');
  };
  return (
    <form
      className="given-line"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <TensorNames typed={typed} />
      <TextField
        label="Another component or tensor"
        value={typed}
        list="tensor-names"
        problem={problem}
        onChange={setTyped}
      />
      <button type="submit" className="button" aria-disabled={name === '' || problem !== undefined}>
        Sweep it too
      </button>
    </form>
  );
}

export function SitesFields({ experiment }: { readonly experiment: TensorsExperiment }) {
  const edit = useEdit();
  return (
    <>
      <ul className="site-list">
        {experiment.sites.map(({ site, axes }) => (
          <li key={site}>
            <span className="mono">{site}</span>
            {axes && <span className="mute small">positions along {axes.join(' and ') || 'no axis'}</span>}
            <button
              type="button"
              className="button-plain"
              aria-label={`Do not sweep ${site}`}
              disabled={experiment.sites.length === 1}
              onClick={() =>
                edit((present) => ({ ...present, sites: present.sites.filter((each) => each.site !== site) }))
              }
            >
              Remove
            </button>
          </li>
        ))}
      </ul>
      <AddSite experiment={experiment} />
      <div className="tensors-fields">
        <Choice
          label="A cell is"
          value={experiment.by}
          choices={[
            ['position', 'A position of a layer, or a patch of the picture'],
            ['whole', 'A layer as a whole'],
          ]}
          onChange={(by) => edit((present) => ({ ...present, by }))}
        />
        {experiment.by === 'position' && (
          <NumberField
            label="Patches down and across, at most"
            value={experiment.patches[0]}
            isValid={(value) => Number.isInteger(value) && value >= 1 && value <= 64}
            hint="A whole number from 1 to 64; for maps that lie as a picture does."
            onChange={(patches) =>
              edit((present) => ({ ...present, patches: [patches, patches] }), 'patches')
            }
          />
        )}
      </div>
    </>
  );
}
