// The tasks of the embedded model that come with the page: their experiments at once, their stored results when they are asked
// for.

import { readAlignExperiment } from '../../experiments/align/experiment.ts';
import { readAlignResult } from '../../experiments/align/result.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { documentOf } from './document.ts';
import { deriveAlign } from './draft.ts';
import type { AlignExample } from './page.ts';

const files = import.meta.glob<unknown>('../../../examples/align/task-*.json', {
  eager: true,
  import: 'default',
});
const results = import.meta.glob<unknown>('../../../examples/align/results/task-*.json', {
  import: 'default',
});

/** The first one opens with the page. */
const order = ['task-gender', 'task-city', 'task-object'];
const placeOf = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);

export const alignExamples: readonly AlignExample[] = Object.entries(files)
  .map(([path, content]): AlignExample => {
    const file = path.split('/').at(-1) ?? '';
    const name = file.replace(/\.json$/, '');
    const experiment = readAlignExperiment(content);
    const { sample } = deriveAlign(documentOf(experiment), { model: null, tokens: [] });
    return {
      name,
      title: experiment.title ?? name,
      experiment,
      texts: [sample],
      result: async () => {
        const stored = await results[`../../../examples/align/results/${file}`]?.();
        if (stored === undefined) return null;
        try {
          return readAlignResult(stored);
        } catch (error) {
          // A result of another version is computed again like one that is missing.
          if (error instanceof ExperimentError) return null;
          throw error;
        }
      },
    };
  })
  .toSorted((a, b) => placeOf(a.name) - placeOf(b.name));
