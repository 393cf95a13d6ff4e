// One edit: which vector, where, how strongly, and at which positions and steps.

import { useId } from 'react';
import type { VectorSite } from '../../experiments/steer/result.ts';
import { Choice } from '../experiment/Choice.tsx';
import { BroughtLine } from './BroughtLine.tsx';
import { broughtByEdit } from './broughtSettings.ts';
import { changedEdit, withoutEdit } from './changes.ts';
import { type EditField, hasStrength } from './document.ts';
import { Check, SteerField } from './fields.tsx';
import { useDocument, useDraft, useEdit, useOpening, useProblem } from './hooks.ts';
import { NameField } from './NameField.tsx';
import { editNameProblem, nameOfEdit, renamedEdit, withVectorOfEdit } from './names.ts';
import { StrengthField, UnitSelect } from './StrengthField.tsx';
import { hasUnit } from './units.ts';

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
  set: ['To', 'The projection it gets, in the unit below'],
  cap: ['At', 'The most it may have, in the unit below'],
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

/** Of numbers along the vector, where no strength stands with a unit. */
function Unit({ edit, site, change }: MoreProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Unit of its numbers</label>
      <UnitSelect id={id} edit={edit} site={site} onChange={change} />
    </div>
  );
}

interface MoreProps extends EditPartProps {
  readonly site: VectorSite | null;
}

function More({ edit, site, change }: MoreProps) {
  const { vectors } = useDocument();
  const apply = useEdit();
  const { id } = edit;
  const name = (field: string) => `edit ${id} ${field}`;
  const amount = amounts[edit.map];
  const isOfHeads = vectors.find((vector) => vector.name === edit.vector)?.component.startsWith('head_');
  return (
    <div className="steer-more">
      <NameField
        control={name('name')}
        name={nameOfEdit(edit)}
        problemOf={(document, next) => editNameProblem(document, id, next)}
        rename={(document, next) => renamedEdit(document, id, next)}
      />
      {vectors.length > 1 && (
        <Choice
          label="Vector"
          value={edit.vector}
          choices={vectors.map((vector) => [vector.name, vector.name] as const)}
          onChange={(vector) => apply((document) => withVectorOfEdit(document, id, vector))}
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
        {...(edit.whileBelow.trim() === ''
          ? {}
          : { hint: hasStrength(edit) ? 'In the unit of the strength' : 'In the unit below' })}
        onChange={(whileBelow) => change({ whileBelow }, 'whileBelow')}
      />
      {!hasStrength(edit) && hasUnit(edit) && <Unit edit={edit} site={site} change={change} />}
      <SteerField
        label="Only the best sites"
        name={name('top')}
        value={edit.top}
        placeholder="all"
        hint="So many of them, by held-out accuracy: as in ITI"
        onChange={(top) => change({ top }, 'top')}
      />
      {(isOfHeads || edit.heads !== '') && (
        <SteerField
          label="Heads"
          name={name('heads')}
          value={edit.heads}
          placeholder="all"
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

/** The controls behind "More". */
const hidden = [
  'name',
  'amount',
  'positions',
  'firstStep',
  'stepCount',
  'everyStep',
  'whileBelow',
  'top',
  'heads',
];

interface EditRowProps {
  readonly edit: EditField;
  /** The key that turns it on and off. */
  readonly digit: number;
  readonly site: VectorSite | null;
}

export function EditRow({ edit, digit, site }: EditRowProps) {
  const apply = useEdit();
  const { id } = edit;
  const { problems } = useDraft();
  const [isOpen, setIsOpen] = useOpening(hidden.some((field) => problems.has(`edit ${id} ${field}`)));
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
      {hasStrength(edit) && (
        <StrengthField
          name={name}
          edit={edit}
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
      <BroughtLine settings={broughtByEdit(edit)} />
      {isOpen && <More edit={edit} site={site} change={change} />}
    </li>
  );
}
