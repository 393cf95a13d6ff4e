// The finetunings that come with the page: their experiments at once, their stored results when they are asked for.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { readFinetuneExperiment } from '../../experiments/finetune/experiment.ts';
import { readFinetuneResult } from '../../experiments/finetune/result.ts';
import type { FinetuneStory } from './page.ts';

const files = import.meta.glob<unknown>('../../../examples/finetune/*.json', {
  eager: true,
  import: 'default',
});
const results = import.meta.glob<unknown>('../../../examples/finetune/results/*.json', { import: 'default' });

export const finetuneExamples: readonly FinetuneStory[] = Object.entries(files).map(
  ([path, content]): FinetuneStory => {
    const file = path.split('/').at(-1) ?? '';
    const name = file.replace(/\.json$/, '');
    const experiment = readFinetuneExperiment(content);
    const [first] = experiment.data;
    return {
      name,
      title: experiment.title ?? name,
      experiment,
      texts: [typeof first?.prompt === 'string' ? first.prompt : ''],
      result: async () => {
        const stored = await results[`../../../examples/finetune/results/${file}`]?.();
        if (stored === undefined) return null;
        try {
          return readFinetuneResult(stored);
        } catch (error) {
          // A result of another version is computed again like one that is missing.
          if (error instanceof ExperimentError) return null;
          throw error;
        }
      },
    };
  },
);
