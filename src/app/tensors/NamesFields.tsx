// Names of a person's own: each with the tensors that it stands for, one a layer, in place of what was found or beside it.

import { useState } from 'react';
import type { TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import type { ImportedStructure } from '../../imported/describe.ts';
import { TextField } from '../experiment/TextField.tsx';
import { formatCounted } from '../quantities.ts';
import { useEdit, useProblem, useStructure } from './hooks.ts';
import {
  axesWords,
  nameProblem,
  ownText,
  ownTyped,
  rowOf,
  tensorsOf,
  tensorsProblem,
  withoutName,
  withTensors,
} from './naming.ts';
import { RenameButton } from './RenameButton.tsx';
import { shortName } from './segment.ts';

/** `6 layers: … to …; positions along axis 1 (sequence)`, of what a name stands for. */
function standsFor(experiment: TensorsExperiment, structure: ImportedStructure, name: string): string {
  const tensors = tensorsOf(experiment, structure, name);
  const [first = ''] = tensors;
  const row = rowOf(experiment, structure, name);
  const places = row?.positions ? `; positions along ${axesWords(row, row.positions)}` : '';
  const found = structure.stacks.some(({ components }) => components.some((each) => each.name === name));
  const instead = found ? `, in place of the ${name} that was found` : '';
  const which = tensors.length === 1 ? first : `${shortName(first)} to ${shortName(tensors.at(-1) ?? '')}`;
  return `${formatCounted(tensors.length, 'layers')}: ${which}${places}${instead}.`;
}

function OwnName({
  experiment,
  structure,
  name,
}: {
  readonly experiment: TensorsExperiment;
  readonly structure: ImportedStructure;
  readonly name: string;
}) {
  const edit = useEdit();
  const refused = useProblem(`name ${name}`);
  const own = experiment.names?.[name] ?? '';
  // What is typed may end in a comma, which is no name yet.
  const [typed, setTyped] = useState<string | null>(null);
  const isOwn = typed !== null && ownText(ownTyped(typed)) === ownText(own);
  const problem = tensorsProblem(structure, own) ?? refused;
  return (
    <li>
      <TextField
        isText
        label={`Tensors of ${name}`}
        value={isOwn ? typed : ownText(own)}
        list="tensor-names"
        problem={problem}
        hint={standsFor(experiment, structure, name)}
        onChange={(text) => {
          setTyped(text);
          edit((present) => withTensors(present, name, text), `name ${name}`);
        }}
      />
      <span className="given-line">
        <RenameButton name={name} />
        <button
          type="button"
          className="button-plain"
          aria-label={`Remove the name ${name}`}
          onClick={() => edit((present) => withoutName(present, structure, name))}
        >
          Remove
        </button>
      </span>
    </li>
  );
}

function AddName({
  experiment,
  structure,
}: {
  readonly experiment: TensorsExperiment;
  readonly structure: ImportedStructure;
}) {
  const edit = useEdit();
  const [name, setName] = useState('');
  const [tensors, setTensors] = useState('');
  const [isTried, setIsTried] = useState(false);
  const wrongName = nameProblem(experiment, structure, name.trim());
  const wrongTensors = tensorsProblem(structure, ownTyped(tensors));
  return (
    <form
      className="names-add"
      onSubmit={(event) => {
        event.preventDefault();
        setIsTried(true);
        if (wrongName !== undefined || wrongTensors !== undefined) return;
        edit((present) => withTensors(present, name.trim(), tensors));
        setName('');
        setTensors('');
        setIsTried(false);
      }}
    >
      <TextField
        isText
        label="Name"
        value={name}
        hint="A new one, or one that was found, to say that other tensors are it."
        problem={isTried || name !== '' ? wrongName : undefined}
        onChange={setName}
      />
      <TextField
        isText
        label="Its tensors"
        value={tensors}
        list="tensor-names"
        hint="A tensor in which {layer} stands for 0, 1, ..., or those of all layers with commas between."
        problem={isTried || tensors !== '' ? wrongTensors : undefined}
        onChange={setTensors}
      />
      <button type="submit" className="button">
        Add the name
      </button>
    </form>
  );
}

export function NamesFields({ experiment }: { readonly experiment: TensorsExperiment }) {
  const structure = useStructure();
  if (structure === undefined) return null;
  const names = Object.keys(experiment.names ?? {});
  return (
    <details className="names" open={names.length > 0 ? true : undefined}>
      <summary>Names of your own{names.length > 0 && ` (${names.length})`}</summary>
      <ul className="names-list">
        {names.map((name) => (
          <OwnName key={name} experiment={experiment} structure={structure} name={name} />
        ))}
      </ul>
      <AddName experiment={experiment} structure={structure} />
    </details>
  );
}
