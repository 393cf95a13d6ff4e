// How what is shown stands to what is in the controls.

import { figureStatus } from '../experiment/figureStatus.ts';
import { useOwn, useOwnPage } from './hooks.ts';

/** @param isBrief say nothing of what belongs to what stands there: another card says it */
export function Standing({ isBrief = false }: { readonly isBrief?: boolean }) {
  const { face } = useOwnPage();
  const state = useOwn((each) => each);
  if (state.shown === null) return null;
  const { kind, words } = figureStatus(face, state.shown, state);
  if (isBrief && kind !== 'stale') return null;
  return (
    <span className="standing" data-kind={kind}>
      {words}
    </span>
  );
}
