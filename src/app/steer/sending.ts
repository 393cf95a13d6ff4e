// Whether a chat can be sent as it would be: asked before its turns are cut, so that nothing is lost to a run that cannot begin.

import { useStore } from 'zustand';
import { experimentKey } from '../experiment/key.ts';
import { runStatus } from '../experiment/runStatus.ts';
import { surroundingsOf } from '../experiment/session.ts';
import { useModel, useWorkbench } from '../workbenchContext.tsx';
import type { SteerDocument } from './document.ts';
import { useOwn, useOwnPage } from './hooks.ts';

/** @returns of a document why it could not be run now; null where it could */
export function useRunProblem(): (document: SteerDocument) => string | null {
  const { definition, face } = useOwnPage();
  const state = useOwn((each) => each);
  const desk = useStore(useWorkbench().desk, (each) => each);
  const isLoading = useModel(({ load }) => load.status === 'loading');
  return (document) => {
    const { world, shown, history } = state;
    const surroundings = surroundingsOf(definition, {
      world,
      shown,
      history: { ...history, present: document },
    });
    const draft = definition.derive(document, surroundings);
    const key = draft.experiment === null ? null : experimentKey(draft.experiment);
    return runStatus({ face, state: { ...state, draft, key }, isLoading, desk }).why;
  };
}
