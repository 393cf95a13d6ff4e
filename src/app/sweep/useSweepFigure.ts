// What is drawn of the result that the page shows, as it is looked at.

import { useMemo } from 'react';
import type { HeatmapDescription } from '../../figures/description.ts';
import { useAnyPage, useAnyState, useFigure } from '../experiment/pageContext.tsx';

export function useSweepFigure(): HeatmapDescription | null {
  const { face } = useAnyPage();
  const result = useAnyState((state) => state.shown?.result ?? null);
  const view = useFigure((state) => state.view);
  return useMemo(() => {
    if (result === null) return null;
    const figure = face.figure(result, view);
    return figure.kind === 'heatmap' ? figure.description : null;
  }, [face, result, view]);
}
