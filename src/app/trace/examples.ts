// The examples that come with the page: their experiments at once, their stored results when they are asked for.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { readTraceExperiment, type TraceExperiment } from '../../experiments/trace/experiment.ts';
import { readTraceResult, type TraceResult } from '../../experiments/trace/result.ts';
import type { Example } from '../experiment/definition.ts';

const files = import.meta.glob<unknown>('../../../examples/*.json', { eager: true, import: 'default' });
const results = import.meta.glob<unknown>('../../../examples/results/*.json', { import: 'default' });

/** The first one opens with the page. */
const order = ['eiffel-tower', 'indirect-object', 'pronoun', 'agreement', 'greater-than', 'induction'];

const placeOf = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);

export const examples: readonly Example<TraceExperiment, TraceResult>[] = Object.entries(files)
  .map(([path, content]): Example<TraceExperiment, TraceResult> => {
    const file = path.split('/').at(-1) ?? '';
    const name = file.replace(/\.json$/, '');
    const experiment = readTraceExperiment(content);
    return {
      name,
      title: experiment.title ?? name,
      experiment,
      texts: typeof experiment.prompt === 'string' ? [experiment.prompt] : [],
      result: async () => {
        const stored = await results[`../../../examples/results/${file}`]?.();
        if (stored === undefined) return null;
        try {
          return readTraceResult(stored);
        } catch (error) {
          // A result of another version is computed again like one that is missing.
          if (error instanceof ExperimentError) return null;
          throw error;
        }
      },
    };
  })
  .toSorted((a, b) => placeOf(a.name) - placeOf(b.name));
