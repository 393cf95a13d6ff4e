// What is swept: components of all layers, single tensors, the chain of the model; and by which places.

import { useState } from 'react';
import type { TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import { Choice } from '../experiment/Choice.tsx';
import { TextField } from '../experiment/TextField.tsx';
import { ChainFields } from './ChainFields.tsx';
import { NumberField } from './fields.tsx';
import { useEdit, useExperiment, useProblem, useStructure } from './hooks.ts';
import { NamesFields } from './NamesFields.tsx';
import { axesChoices, axesWords, missingWords, rowOf, withoutLayer } from './naming.ts';
import { RenameButton } from './RenameButton.tsx';

/** Names that can be swept, those of the field first. */
function useSiteNames(): readonly string[] {
  const structure = useStructure();
  const own = Object.keys(useExperiment()?.names ?? {});
  if (!structure) return [];
  const components = structure.stacks.flatMap((stack) => stack.components);
  const known = components.filter(({ isKnown }) => isKnown).map(({ name }) => name);
  const others = components.filter(({ isKnown }) => !isKnown).map(({ name }) => name);
  const chain = structure.chain.length > 0 ? ['chain'] : [];
  return [...new Set([...own, ...known, ...chain, ...others, ...structure.tensors.map(({ name }) => name)])];
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
  const structure = useStructure();
  const names = useSiteNames();
  const [typed, setTyped] = useState('');
  const known = new Set(names);
  const name = typed.trim();
  const base = withoutLayer(name);
  const isThere = experiment.sites.some(({ site }) => site === name);
  const isKnown = name === '' || known.has(name) || known.has(base);
  const problem = isThere
    ? 'It is swept already.'
    : isKnown || structure === undefined
      ? undefined
      : missingWords(structure, name, names);
  const add = () => {
    if (name === '' || problem !== undefined) return;
    edit((present) => ({ ...present, sites: [...present.sites, { site: name }] }));
    setTyped('');
  };
  return (
    <form
      className="site-add"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <TensorNames typed={typed} />
      <TextField
        isText
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

/** Where the positions of a site lie: as they were found, or as somebody says. */
function AxesField({ experiment, site, axes }: SiteProps) {
  const edit = useEdit();
  const structure = useStructure();
  const row = structure && rowOf(experiment, structure, site);
  if (row === undefined || experiment.by === 'whole') return null;
  const isChain = site === 'chain';
  const found = isChain ? 'as found' : `as found: ${axesWords(row, row.positions ?? [])}`;
  const all = axesChoices(row);
  const keyOf = (each: readonly number[] | undefined) => (each === undefined ? 'found' : `along ${each}`);
  const own = axes === undefined || all.some((each) => keyOf(each) === keyOf(axes)) ? [] : [axes];
  return (
    <Choice
      label={`Positions of ${site} lie along`}
      value={keyOf(axes)}
      choices={[
        ['found', found],
        ...[...all, ...own].map((each) => [keyOf(each), axesWords(isChain ? undefined : row, each)] as const),
      ]}
      onChange={(value) =>
        edit((present) => ({
          ...present,
          sites: present.sites.map((each) => {
            if (each.site !== site) return each;
            const chosen = [...all, ...own].find((some) => keyOf(some) === value);
            return chosen ? { site, axes: chosen } : { site };
          }),
        }))
      }
    />
  );
}

interface SiteProps {
  readonly experiment: TensorsExperiment;
  readonly site: string;
  readonly axes?: readonly number[] | undefined;
}

function Site(props: SiteProps) {
  const { experiment, site } = props;
  const edit = useEdit();
  const problem = useProblem(`site ${site}`);
  const isOne = withoutLayer(site) === site && site !== 'chain';
  return (
    <li>
      <span className="given-line">
        <span className="mono">{site}</span>
        {isOne && <RenameButton name={site} />}
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
      </span>
      <AxesField {...props} />
      {problem !== undefined && <p className="field-problem">{problem}</p>}
    </li>
  );
}

export function SitesFields({ experiment }: { readonly experiment: TensorsExperiment }) {
  const edit = useEdit();
  return (
    <>
      <ul className="site-list">
        {experiment.sites.map((each) => (
          <Site key={each.site} experiment={experiment} {...each} />
        ))}
      </ul>
      <AddSite experiment={experiment} />
      <NamesFields experiment={experiment} />
      <ChainFields experiment={experiment} />
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
