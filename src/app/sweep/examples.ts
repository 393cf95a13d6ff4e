// The examples that come with the pages of sweeps: their experiments at once, their stored results when they are asked for.

import { attributeKind } from '../../experiments/attribute/kind.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import type { TypedKind } from '../../experiments/kind.ts';
import { patchKind, pathKind } from '../../experiments/patch/kind.ts';
import type { Example } from '../experiment/definition.ts';
import type { SweepExperiment } from './document.ts';
import type { SweepResult } from './page.ts';

const files = import.meta.glob<unknown>(
  ['../../../examples/patch/*.json', '../../../examples/attribute/*.json'],
  { eager: true, import: 'default' },
);
const results = import.meta.glob<unknown>(
  ['../../../examples/patch/results/*.json', '../../../examples/attribute/results/*.json'],
  { import: 'default' },
);

/** The first of its kind opens with its page. */
const order = ['indirect-object-positions', 'indirect-object-heads', 'indirect-object-ablation', 'pronoun'];
const placeOf = ({ name }: { readonly name: string }): number =>
  order.includes(name) ? order.indexOf(name) : order.length;

const kindIn = (content: unknown): unknown =>
  typeof content === 'object' && content !== null ? Reflect.get(content, 'kind') : undefined;

function examplesOf<Experiment extends SweepExperiment, Result extends SweepResult>(
  kind: TypedKind<Experiment, Result>,
): readonly Example<Experiment, Result>[] {
  return Object.entries(files)
    .filter(([, content]) => kindIn(content) === kind.name)
    .map(([path, content]): Example<Experiment, Result> => {
      const experiment = kind.read(content);
      const name = (path.split('/').at(-1) ?? '').replace(/\.json$/, '');
      const [first] = experiment.pairs;
      return {
        name,
        title: experiment.title ?? name,
        experiment,
        texts: [first?.clean, first?.corrupted].filter((text) => typeof text === 'string'),
        result: async () => {
          const stored = await results[path.replace(/\/([^/]+)$/, '/results/$1')]?.();
          if (stored === undefined) return null;
          try {
            return kind.readResult(stored);
          } catch (error) {
            // A result of another version is computed again like one that is missing.
            if (error instanceof ExperimentError) return null;
            throw error;
          }
        },
      };
    })
    .toSorted((a, b) => placeOf(a) - placeOf(b));
}

export const patchExamples = examplesOf(patchKind);
export const pathExamples = examplesOf(pathKind);
export const attributeExamples = examplesOf(attributeKind);
