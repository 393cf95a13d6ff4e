// The examples that come with the page: their experiments at once, their stored results when they are asked for.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { readSteerExperiment } from '../../experiments/steer/experiment.ts';
import { readSteerResult } from '../../experiments/steer/result.ts';
import { documentOf } from './opened.ts';
import { promptTexts, type SteerExample } from './page.ts';

const files = import.meta.glob<unknown>(
  ['../../../examples/steer/*.json', '../../../examples/steer/pairs/*.json'],
  { eager: true, import: 'default' },
);
const results = import.meta.glob<unknown>('../../../examples/steer/results/*.json', { import: 'default' });

/** Those of the embedded model come first. */
const place = (path: string): number => (path.includes('/pairs/') ? 1 : 0);

export const steerExamples: readonly SteerExample[] = Object.entries(files)
  .toSorted(([a], [b]) => place(a) - place(b))
  .map(([path, content]): SteerExample => {
    const file = path.split('/').at(-1) ?? '';
    const name = file.replace(/\.json$/, '');
    const experiment = readSteerExperiment(content);
    return {
      name,
      title: experiment.title ?? name,
      experiment,
      texts: promptTexts(documentOf(experiment)),
      result: async () => {
        const stored = await results[`../../../examples/steer/results/${file}`]?.();
        if (stored === undefined) return null;
        try {
          return readSteerResult(stored);
        } catch (error) {
          // A result of another version is computed again like one that is missing.
          if (error instanceof ExperimentError) return null;
          throw error;
        }
      },
    };
  });
