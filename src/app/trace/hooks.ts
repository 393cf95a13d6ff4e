// The hooks of the Trace page's own components.

import { useStore } from 'zustand';
import type { TraceExperiment } from '../../experiments/trace/experiment.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import { usePageOf } from '../experiment/pageContext.tsx';
import type { PageState } from '../experiment/session.ts';
import type { TraceDocument } from './document.ts';
import type { TraceDraft } from './draft.ts';

export interface TraceTypes {
  readonly document: TraceDocument;
  readonly experiment: TraceExperiment;
  readonly result: TraceResult;
  readonly draft: TraceDraft;
}

export const useOwnPage = (): ExperimentPage<TraceTypes> => usePageOf<TraceTypes>('trace');

export const useOwn = <V>(select: (state: PageState<TraceTypes>) => V): V =>
  useStore(useOwnPage().store, select);

export const useDocument = (): TraceDocument => useOwn((state) => state.history.present);
export const useDraft = (): TraceDraft => useOwn((state) => state.draft);
