// The figure in the page: laid out for the width there is, drawn by src/figures, which owns the elements inside.

import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { CellModel } from '../../figures/cells.ts';
import type { CellAddress, HeatmapDescription } from '../../figures/description.ts';
import { layoutHeatmap } from '../../figures/heatmap.ts';
import { drawHeatmap, type HeatmapView } from '../../figures/screen.ts';
import { useShownTheme } from '../frame/useShownTheme.ts';
import { useAnyPage } from './pageContext.tsx';

interface HeatmapProps {
  readonly description: HeatmapDescription;
  /** What a cell is for on a page of several figures. Without it cells are looked at and pinned in the page's one figure. */
  readonly own?: {
    /** Under the pointer or the keyboard; null when it has left. */
    readonly onLook: (cell: CellModel | null) => void;
    /** Click, Enter or Space. */
    readonly onChoose: (cell: CellAddress) => void;
  };
}

export function Heatmap({ description, own }: HeatmapProps) {
  const { figure } = useAnyPage();
  const theme = useShownTheme();
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<HeatmapView>(null);
  // The drawing is made once, and speaks to whoever is there when something happens.
  const listener = useRef(own);
  useLayoutEffect(() => {
    listener.current = own;
  });
  const [width, setWidth] = useState(0);
  const model = useMemo(
    () =>
      width === 0
        ? null
        : layoutHeatmap(description, { width, theme, showsTitle: false, showsCaption: false }),
    [description, width, theme],
  );

  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return;
    const measure = () => setWidth(Math.floor(element.clientWidth));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => {
      observer.disconnect();
      view.current?.dispose();
      view.current = null;
    };
  }, []);

  useLayoutEffect(() => {
    if (host.current === null || model === null) return;
    if (view.current !== null) {
      view.current.update(model);
      return;
    }
    if (listener.current) {
      view.current = drawHeatmap(host.current, model, {
        onHover: (cell) => listener.current?.onLook(cell ?? null),
        onFocus: (cell) => listener.current?.onLook(cell ?? null),
        onPin: (cell) => listener.current?.onChoose(cell.address),
      });
      return;
    }
    const { look, pin, unpin } = figure.getState();
    // With nothing pinned the last cell stays in the inspector: the way there would else empty it.
    const leave = () => {
      if (figure.getState().chosen !== null) look(null);
    };
    view.current = drawHeatmap(host.current, model, {
      onHover: (cell) => (cell ? look(cell.address) : leave()),
      onFocus: (cell) => (cell ? look(cell.address) : leave()),
      onPin: (cell) => pin(cell.address),
      onUnpin: (cell) => unpin(cell.address),
    });
  }, [model, figure]);

  return <div ref={host} className="heatmap" />;
}
