// What an attribution judges and how: components, the gradient at one run or integrated between both, and whether every cell
// is patched too, to see how well it was judged.

import type { AttributeExperiment } from '../../experiments/attribute/experiment.ts';
import { Choice } from '../experiment/Choice.tsx';
import { usePageOf } from '../experiment/pageContext.tsx';
import { ComponentOptions, usualComponents } from '../patch/ComponentOptions.tsx';
import { componentWords } from '../patch/spoken.ts';
import { useSweepDocument, useTypeInto } from './hooks.ts';
import { wholeNotation } from './notations.ts';
import { PartsField } from './PatchFields.tsx';
import type { AttributeTypes } from './page.ts';
import { Problem, SweepField } from './SweepField.tsx';
import { useComponents } from './useComponents.ts';

const usualSteps = 10;
const mostComponents = 8;
const stepsNotation = wholeNotation('The number of steps', 'points, such as 10');

/** A number of steps, or none: the gradient at the corrupted run. */
const withSteps = ({ steps: _, ...experiment }: AttributeExperiment, steps: number | undefined) => ({
  ...experiment,
  ...(steps === undefined ? {} : { steps }),
});

function Components({ components }: Pick<AttributeExperiment, 'components'>) {
  const type = useTypeInto(usePageOf<AttributeTypes>('attribute'));
  const { names, componentOf } = useComponents();
  // A number for each pair of positions has no gradient that a cell could stand for.
  const possible = names.filter((name) => componentOf(name)?.layout !== 'pair');
  const shown = [...new Set([...usualComponents.filter((name) => possible.includes(name)), ...components])];
  const others = possible.filter((name) => !shown.includes(name));
  const isFull = components.length >= mostComponents;
  const set = (next: readonly string[]) =>
    type('components', next.join(', '), (own) => ({ ...own, components: next }));
  return (
    <fieldset className="fieldset">
      <legend>Components, each a figure</legend>
      <div className="fields">
        {shown.map((name) => (
          <label key={name} className="check-line">
            <input
              type="checkbox"
              checked={components.includes(name)}
              onChange={({ target }) =>
                set(target.checked ? [...components, name] : components.filter((each) => each !== name))
              }
            />
            {componentWords(name)}
          </label>
        ))}
        {others.length > 0 && (
          <label className="field">
            <span>Another</span>
            <select
              className="select"
              value=""
              aria-disabled={isFull}
              title={isFull ? `There can be at most ${mostComponents} components` : undefined}
              onChange={({ target }) => {
                if (!isFull && target.value !== '') set([...components, target.value]);
              }}
            >
              <option value="">Choose one to add</option>
              <ComponentOptions names={others} />
            </select>
          </label>
        )}
      </div>
      <Problem name="components" />
    </fieldset>
  );
}

export function AttributeFields() {
  const page = usePageOf<AttributeTypes>('attribute');
  const document = useSweepDocument(page);
  const type = useTypeInto(page);
  if (document === null) return null;
  const { components, steps, compare } = document.experiment;
  return (
    <>
      <fieldset className="fieldset">
        <legend>How it is judged</legend>
        <div className="fields">
          <Choice
            label="Method"
            value={steps === undefined ? 'gradient' : 'integrated'}
            choices={[
              ['gradient', 'Gradient at the corrupted run'],
              ['integrated', 'Integrated gradients'],
            ]}
            hint={
              steps === undefined
                ? 'Default. Two forward passes and one backward'
                : 'Between the corrupted embeddings and the clean ones'
            }
            onChange={(method) =>
              type(
                'method',
                method,
                (own) => withSteps(own, method === 'gradient' ? undefined : usualSteps),
                'steps',
              )
            }
          />
          {steps !== undefined && (
            <SweepField
              label="Steps"
              hint="Points on the way, 1 to 256; time grows with them"
              name="steps"
              isNumber
              notation={stepsNotation}
              value={steps}
              onText={(field, text, read) => type(field, text, (own) => withSteps(own, read()))}
            />
          )}
          <PartsField experiment={document.experiment} />
          <label className="check-line">
            <input
              type="checkbox"
              checked={compare}
              onChange={({ target }) =>
                type('compare', String(target.checked), (own) => ({ ...own, compare: target.checked }))
              }
            />
            Patch every cell too, and compare
          </label>
        </div>
      </fieldset>
      <Components components={components} />
    </>
  );
}
