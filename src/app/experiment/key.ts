// Which experiment it is, as text: two are one when nothing differs that numbers depend on. A title is not part of it, and of
// pictures, sounds and tensors there is a digest: the text is made at every change of a document, and kept with results.

import { digestOf } from '../../experiments/bytesText.ts';
import type { AnyExperiment } from '../../experiments/kind.ts';

/** Where an experiment holds bytes in base64: of a file, of a tensor, of a picture among the inputs of a model of tensors. */
const bytesFields = new Set(['data', 'base64', 'picture']);

/** Shorter texts stand in the key themselves. */
const leastDigested = 100;

/** @param experiment with nothing left open */
export function experimentKey(experiment: AnyExperiment): string {
  const { title: _, revision: __, ...numbers } = experiment;
  return JSON.stringify(numbers, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const brief = (name: string, each: unknown): unknown =>
      bytesFields.has(name) && typeof each === 'string' && each.length > leastDigested
        ? digestOf(each)
        : each;
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, each]) => [name, brief(name, each)]),
    );
  });
}
