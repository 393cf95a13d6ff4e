// The classes of a classifier as suggestions of the fields that name one; nothing for a model that predicts tokens.

import { useClassNames } from './useClassNames.ts';

export const classNamesId = 'class-names';

export function ClassNames() {
  const names = useClassNames();
  if (names.length === 0) return null;
  return (
    <datalist id={classNamesId}>
      {[...new Set(names)].map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
}
