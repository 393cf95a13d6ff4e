// Cables from the socket that is looked at: to what it feeds on one side, from what feeds it on the other. Drawn over
// the grid from the places its sockets have on the screen; says nothing to a screen reader, the inspector does.

import { type RefObject, useLayoutEffect, useState } from 'react';
import { cablePath, type Point } from '../../figures/cable.ts';
import { fedSites, feedingSites, type Rack, type Site, siteKey } from './sites.ts';

interface CablesProps {
  readonly rack: Rack;
  readonly shown: Site | null;
  readonly grid: RefObject<HTMLDivElement | null>;
}

/** The column of the socket that is looked at, in pixels from the grid's corner. */
interface Column {
  readonly x: number;
  readonly width: number;
}

interface Drawing {
  readonly column: Column | null;
  readonly cables: readonly Cable[];
}

const nothing: Drawing = { column: null, cables: [] };

interface Cable {
  readonly key: string;
  readonly kind: 'out' | 'in';
  readonly path: string;
}

const cellOf = (grid: HTMLElement, site: Site): HTMLElement | null =>
  grid.querySelector(`[data-site="${siteKey(site)}"]`);

/** The middle of a socket, in pixels from the grid's corner. */
const middleOf = (cell: HTMLElement): Point => ({
  x: cell.offsetLeft + cell.offsetWidth / 2,
  y: cell.offsetTop + cell.offsetHeight / 2,
});

function draw(grid: HTMLElement, rack: Rack, shown: Site): Drawing {
  const start = cellOf(grid, shown);
  if (start === null) return nothing;
  const cable = (kind: Cable['kind'], side: 1 | -1) => (site: Site) => {
    const end = cellOf(grid, site);
    if (end === null) return [];
    return [{ key: `${kind} ${siteKey(site)}`, kind, path: cablePath(middleOf(start), middleOf(end), side) }];
  };
  return {
    column: { x: start.offsetLeft, width: start.offsetWidth },
    cables: [
      ...feedingSites(rack, shown).flatMap(cable('in', -1)),
      ...fedSites(rack, shown).flatMap(cable('out', 1)),
    ],
  };
}

export function Cables({ rack, shown, grid }: CablesProps) {
  const [{ column, cables }, setDrawing] = useState<Drawing>(nothing);
  useLayoutEffect(() => {
    const element = grid.current;
    if (element === null || shown === null) return setDrawing(nothing);
    const redraw = () => setDrawing(draw(element, rack, shown));
    redraw();
    const observer = new ResizeObserver(redraw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [rack, shown, grid]);

  return (
    <svg className="cables" aria-hidden="true">
      {column !== null && <rect x={column.x} y="0" width={column.width} height="100%" />}
      {cables.map(({ key, kind, path }) => (
        <path key={key} d={path} data-kind={kind} />
      ))}
    </svg>
  );
}
