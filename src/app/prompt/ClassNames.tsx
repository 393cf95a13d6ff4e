// The classes of a classifier as suggestions of the fields that name one, or why there are none; nothing for a model that
// predicts tokens.

import { useClassNames } from './useClassNames.ts';

export const classNamesId = 'class-names';

export function ClassNames() {
  const { names, problem } = useClassNames();
  if (problem !== null)
    return (
      <p className="field-problem" role="alert">
        The names of the model's classes could not be read: {problem} A class can still be typed.
      </p>
    );
  if (names.length === 0) return null;
  return (
    <datalist id={classNamesId}>
      {[...new Set(names)].map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
}
