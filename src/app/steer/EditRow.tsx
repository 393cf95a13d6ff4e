// One edit: which vector, where, how strongly, and at which positions and steps.

import { useState } from 'react';
import type { VectorSite } from '../../experiments/steer/result.ts';
import { Choice } from '../experiment/Choice.tsx';
import { changedEdit, type EditField, nameOfEdit, withoutEdit } from './document.ts';
import { Check, SteerField } from './fields.tsx';
import { useDocument, useEdit, useProblem } from './hooks.ts';
import { StrengthField } from './StrengthField.tsx';

const maps = [
  ['add', 'Add the vector'],
  ['ablate', 'Remove its direction'],
  ['set', 'Set the projection'],
  ['cap', 'Cap the projection'],
  ['between', 'Move between the means'],
] as const;

/** What the map does, in the notation of the documents. */
const formulas: Readonly<Record<EditField['map'], string>> = {
  add: 'h + α v',
  ablate: 'h − (1 − keep) p v̂',
  set: 'h + (to − p) v̂',
  cap: 'h − max(0, p − at) v̂',
  between: 'h − p v̂ + mean⁻ + α v',
};

const amounts: Readonly<Partial<Record<EditField['map'], readonly [label: string, hint: string]>>> = {
  ablate: ['Keep', 'Share that stays; empty for nothing'],
  set: ['To', 'The projection it gets, in the unit of the strength'],
  cap: ['At', 'The most it may have, in the unit of the strength'],
};

interface EditPartProps {
  readonly edit: EditField;
  readonly change: (change: Partial<EditField>, field?: string) => void;
}

function Where({ edit, change }: EditPartProps) {
  const name = (field: string) => `edit ${edit.id} ${field}`;
  return (
    <>
      <Choice
        label="Of the prompt"
        value={edit.prompt}
        choices={[
          ['default', 'Only what makes the first new token'],
          ['all', 'All its tokens'],
          ['positions', 'Some positions'],
          ['none', 'Nothing'],
        ]}
        onChange={(prompt) => change({ prompt })}
      />
      {edit.prompt === 'positions' && (
        <SteerField
          label="Positions"
          name={name('positions')}
          value={edit.positions}
          hint="From 0; −1 is the last"
          onChange={(positions) => change({ positions }, 'positions')}
        />
      )}
      <Choice
        label="Of the new tokens"
        value={edit.steps}
        choices={[
          ['default', edit.prompt === 'default' ? 'All' : 'None'],
          ['all', 'All, by the state that makes them'],
          ['range', 'Some steps'],
          ['none', 'None'],
        ]}
        onChange={(steps) => change({ steps })}
      />
      {edit.steps === 'range' && (
        <span className="steer-three">
          <SteerField
            label="From step"
            name={name('firstStep')}
            value={edit.firstStep}
            onChange={(firstStep) => change({ firstStep }, 'firstStep')}
          />
          <SteerField
            label="So many"
            name={name('stepCount')}
            value={edit.stepCount}
            placeholder="all"
            onChange={(stepCount) => change({ stepCount }, 'stepCount')}
          />
          <SteerField
            label="Every"
            name={name('everyStep')}
            value={edit.everyStep}
            onChange={(everyStep) => change({ everyStep }, 'everyStep')}
          />
        </span>
      )}
      {edit.prompt === 'all' && (
        <Check
          label="The first position and special tokens too"
          isOn={edit.specialTokens}
          onChange={(specialTokens) => change({ specialTokens })}
        />
      )}
    </>
  );
}

function More({ edit, change }: EditPartProps) {
  const { vectors } = useDocument();
  const name = (field: string) => `edit ${edit.id} ${field}`;
  const amount = amounts[edit.map];
  return (
    <div className="steer-more">
      {vectors.length > 1 && (
        <Choice
          label="Vector"
          value={edit.vector}
          choices={vectors.map((vector) => [vector.name, vector.name] as const)}
          onChange={(vector) => change({ vector })}
        />
      )}
      <Choice
        label="What it does"
        value={edit.map}
        choices={maps}
        hint={formulas[edit.map]}
        onChange={(map) => change({ map })}
      />
      {amount && (
        <SteerField
          label={amount[0]}
          name={name('amount')}
          value={edit.amount}
          hint={amount[1]}
          onChange={(value) => change({ amount: value }, 'amount')}
        />
      )}
      <Where edit={edit} change={change} />
      <SteerField
        label="Only while the projection is below"
        name={name('whileBelow')}
        value={edit.whileBelow}
        placeholder="no bound"
        onChange={(whileBelow) => change({ whileBelow }, 'whileBelow')}
      />
      <SteerField
        label="Only the best sites"
        name={name('top')}
        value={edit.top}
        placeholder="all"
        hint="So many of them, by held-out accuracy: as in ITI"
        onChange={(top) => change({ top }, 'top')}
      />
      {edit.heads !== '' && (
        <SteerField
          label="Heads"
          name={name('heads')}
          value={edit.heads}
          onChange={(heads) => change({ heads }, 'heads')}
        />
      )}
      <Check
        label="Keep the length of the state"
        isOn={edit.keepNorm}
        onChange={(keepNorm) => change({ keepNorm })}
      />
    </div>
  );
}

interface EditRowProps {
  readonly edit: EditField;
  /** The key that turns it on and off. */
  readonly digit: number;
  readonly site: VectorSite | null;
}

export function EditRow({ edit, digit, site }: EditRowProps) {
  const apply = useEdit();
  const [isOpen, setIsOpen] = useState(false);
  const { id } = edit;
  const change = (part: Partial<EditField>, field?: string) =>
    apply((document) => changedEdit(document, id, part), field && `edit ${id} ${field}`);
  const name = nameOfEdit(edit);
  const strength = useProblem(`edit ${id} strength`);
  return (
    <li className="steer-edit" data-on={edit.on}>
      <div className="steer-edit-head">
        <button
          type="button"
          role="switch"
          className="switch"
          aria-checked={edit.on}
          aria-label={`Apply ${name}`}
          title={digit <= 9 ? `Turn ${edit.on ? 'off' : 'on'} (${digit})` : undefined}
          onClick={() => change({ on: !edit.on })}
        />
        <b className="steer-name">{name}</b>
        {digit <= 9 && <kbd className="steer-key">{digit}</kbd>}
        <button
          type="button"
          className="button-plain"
          aria-expanded={isOpen}
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? 'Less' : 'More'}
        </button>
        <button
          type="button"
          className="button-plain"
          aria-label={`Take away the edit ${name}`}
          onClick={() => apply((document) => withoutEdit(document, id))}
        >
          Remove
        </button>
      </div>
      {(edit.map === 'add' || edit.map === 'between') && (
        <StrengthField
          name={name}
          strength={edit.strength}
          unit={edit.unit}
          site={site}
          problem={strength}
          onChange={(part) => change(part, 'strength')}
        />
      )}
      <SteerField
        label="At layers"
        name={`edit ${id} layers`}
        value={edit.layers}
        placeholder="all of the vector’s"
        onChange={(layers) => change({ layers }, 'layers')}
      />
      {isOpen && <More edit={edit} change={change} />}
    </li>
  );
}
