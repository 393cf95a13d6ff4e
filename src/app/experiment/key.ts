// Which experiment it is, as text: two are one when nothing differs that numbers depend on. A title is not part of it.

import type { AnyExperiment } from '../../experiments/kind.ts';

/** @param experiment with nothing left open */
export function experimentKey(experiment: AnyExperiment): string {
  const { title: _, revision: __, ...numbers } = experiment;
  return JSON.stringify(numbers, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
