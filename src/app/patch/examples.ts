// The examples that come with the page: their experiments at once, their stored results when they are asked for.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { readInterveneExperiment } from '../../experiments/intervene/experiment.ts';
import { readInterveneResult } from '../../experiments/intervene/result.ts';
import type { PatchExample } from './page.ts';

const files = import.meta.glob<unknown>('../../../examples/intervene/*.json', {
  eager: true,
  import: 'default',
});
const results = import.meta.glob<unknown>('../../../examples/intervene/results/*.json', {
  import: 'default',
});

/** The first one opens with the page. */
const order = [
  'indirect-object',
  'indirect-object-heads',
  'ablation',
  'pronoun',
  'nested',
  'partition',
  'addition',
];
const placeOf = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);

export const patchExamples: readonly PatchExample[] = Object.entries(files)
  .map(([path, content]): PatchExample => {
    const file = path.split('/').at(-1) ?? '';
    const name = file.replace(/\.json$/, '');
    const experiment = readInterveneExperiment(content);
    return {
      name,
      title: experiment.title ?? name,
      experiment,
      texts: [experiment.base, ...experiment.sources].flatMap((text) =>
        typeof text === 'string' ? [text] : [],
      ),
      result: async () => {
        const stored = await results[`../../../examples/intervene/results/${file}`]?.();
        if (stored === undefined) return null;
        try {
          return readInterveneResult(stored);
        } catch (error) {
          // A result of another version is computed again like one that is missing.
          if (error instanceof ExperimentError) return null;
          throw error;
        }
      },
    };
  })
  .toSorted((a, b) => placeOf(a.name) - placeOf(b.name));
