// The examples that come with the page.

import { readInterveneExperiment } from '../../experiments/intervene/experiment.ts';
import type { PatchExample } from './page.ts';

const files = import.meta.glob<unknown>('../../../examples/intervene/*.json', {
  eager: true,
  import: 'default',
});

/** The first one opens with the page. */
const order = [
  'indirect-object',
  'indirect-object-heads',
  'nested',
  'partition',
  'addition',
  'ablation',
  'pronoun',
];
const placeOf = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);

export const patchExamples: readonly PatchExample[] = Object.entries(files)
  .map(([path, content]): PatchExample => {
    const name = (path.split('/').at(-1) ?? '').replace(/\.json$/, '');
    const experiment = readInterveneExperiment(content);
    return {
      name,
      title: experiment.title ?? name,
      experiment,
      texts: [experiment.base, ...experiment.sources].flatMap((text) =>
        typeof text === 'string' ? [text] : [],
      ),
      result: async () => null,
    };
  })
  .toSorted((a, b) => placeOf(a.name) - placeOf(b.name));
