// The hooks of the Tensors page's own components.

import { useStore } from 'zustand';
import type { TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import type { ImportedStructure } from '../../imported/describe.ts';
import { usePageOf } from '../experiment/pageContext.tsx';
import { useModel } from '../workbenchContext.tsx';
import { begunExperiment } from './formed.ts';
import type { TensorsTypes } from './page.ts';
import { fieldOf } from './refusals.ts';

const useOwnPage = () => usePageOf<TensorsTypes>('tensors');

/** What stands in the form; null while there is neither a document nor a model to begin one for. */
export function useExperiment(): TensorsExperiment | null {
  const document = useStore(useOwnPage().store, (state) => state.history.present);
  const info = useModel((state) => state.info);
  if (document !== null) return document;
  return info?.imported ? begunExperiment(info) : null;
}

export const useStructure = (): ImportedStructure | undefined => useModel((state) => state.info?.imported);

export function useEdit(): (
  change: (experiment: TensorsExperiment) => TensorsExperiment,
  field?: string,
) => void {
  const page = useOwnPage();
  const info = useModel((state) => state.info);
  return (change, field) =>
    page.edit((document) => {
      const present = document ?? (info ? begunExperiment(info) : null);
      return present && change(present);
    }, field);
}

/** What is wrong with a field: what the page says of it, else what the engine says of the experiment. */
export function useProblem(name: string): string | undefined {
  const experiment = useExperiment();
  return useStore(useOwnPage().store, ({ draft, estimate, key }) => {
    const own = draft.problems.get(name);
    if (own !== undefined || estimate.status !== 'refused' || estimate.key !== key || experiment === null)
      return own;
    return fieldOf(estimate.message, experiment) === name ? estimate.message : undefined;
  });
}
