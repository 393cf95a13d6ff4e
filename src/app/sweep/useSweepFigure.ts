// What is drawn of the result that the page shows, as it is looked at: a heatmap, or a picture under its squares.

import { useMemo } from 'react';
import type { ShownFigure } from '../../experiments/shown.ts';
import type { HeatmapDescription } from '../../figures/description.ts';
import { useAnyPage, useAnyState, useFigure } from '../experiment/pageContext.tsx';
import { heatmapOf } from './page.ts';

export function useShownFigure(): ShownFigure | null {
  const { face } = useAnyPage();
  const result = useAnyState((state) => state.shown?.result ?? null);
  const view = useFigure((state) => state.view);
  return useMemo(() => (result === null ? null : face.figure(result, view)), [face, result, view]);
}

/** Its numbers, whichever of the two it is. */
export function useSweepFigure(): HeatmapDescription | null {
  const figure = useShownFigure();
  return figure && heatmapOf(figure);
}
