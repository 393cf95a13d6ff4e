// The rack as a grid with one tab stop: components down, layers across. Pointer, focus and keys are handled here, once
// for all sockets; which socket is looked at lives in the rack store.

import { type CSSProperties, type KeyboardEvent, type SyntheticEvent, useMemo, useRef } from 'react';
import { useRack, useWorkbench } from '../workbenchContext.tsx';
import { Cables } from './Cables.tsx';
import { ColumnHeads } from './ColumnHeads.tsx';
import { type Mark, type Marks, RackRowView } from './RackRowView.tsx';
import { shownSite } from './rackStore.ts';
import {
  columnOf,
  fedSites,
  feedingSites,
  moveSite,
  type Rack,
  rowIndexOf,
  type Site,
  siteAt,
  siteKey,
} from './sites.ts';

/** Marks by row index; rows without any are absent, so that they need not be drawn again. */
function marksOf(rack: Rack, shown: Site | null): ReadonlyMap<number, Marks> {
  const rows = new Map<number, Map<number, Mark>>();
  const mark = (site: Site, value: Mark) => {
    const row = rowIndexOf(rack, site);
    const marks = rows.get(row) ?? new Map<number, Mark>();
    rows.set(row, marks.set(columnOf(rack, site), value));
  };
  if (shown !== null) {
    for (const site of feedingSites(rack, shown)) mark(site, 'feeding');
    for (const site of fedSites(rack, shown)) mark(site, 'fed');
    mark(shown, 'shown');
  }
  return rows;
}

/** The site of the cell that an event came from. */
function siteOfEvent(rack: Rack, event: SyntheticEvent): Site | null {
  const cell = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-site]') : null;
  if (cell === null) return null;
  const row = rack.rows[Number(cell.dataset.row) - 2]; // rows count from 1, and the header is the first
  return row === undefined ? null : siteAt(row, Number(cell.dataset.column));
}

export function RackGrid({ rack }: { readonly rack: Rack }) {
  const store = useWorkbench().rack;
  const focus = useRack((state) => state.focus);
  const pinned = useRack((state) => state.pinned);
  const shown = useRack(shownSite);
  const marks = useMemo(() => marksOf(rack, shown), [rack, shown]);
  const grid = useRef<HTMLDivElement>(null);
  const [firstRow] = rack.rows;
  const tabStop = focus ?? (firstRow === undefined ? null : siteAt(firstRow, 0));

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    const site = siteOfEvent(rack, event);
    if (site === null || event.altKey || event.metaKey) return;
    const { moveFocus, togglePin, clear } = store.getState();
    const target = moveSite(rack, site, event.key, event.ctrlKey);
    if (target !== null) {
      moveFocus(target);
      grid.current?.querySelector<HTMLElement>(`[data-site="${siteKey(target)}"]`)?.focus();
    } else if (event.key === 'Enter' || event.key === ' ') togglePin(site);
    else if (event.key === 'Escape') clear();
    else return;
    event.preventDefault();
  }

  const onSite = (act: (site: Site) => void) => (event: SyntheticEvent) => {
    const site = siteOfEvent(rack, event);
    if (site !== null) act(site);
  };
  const { look, leave, moveFocus, togglePin } = store.getState();
  let ariaRow = 1;
  return (
    <div className="rack-scroll">
      {/* biome-ignore lint/a11y/useSemanticElements: a grid of this size is laid out by CSS, not as a table */}
      <div
        ref={grid}
        role="grid"
        tabIndex={-1}
        className="rack"
        aria-label="Components by layers"
        aria-rowcount={rack.rows.length + 1}
        aria-colcount={rack.columnCount + 1}
        style={{ '--layers': rack.layerCount } as CSSProperties /* React's type knows no custom properties */}
        onKeyDown={onKeyDown}
        onFocus={onSite((site) => moveFocus(site))}
        onMouseOver={onSite(look)}
        onMouseLeave={leave}
        onClick={onSite(togglePin)}
      >
        <ColumnHeads rack={rack} shown={shown} />
        {rack.groups.map(({ title, rows }) => (
          // biome-ignore lint/a11y/useSemanticElements: as above
          <div key={title} role="rowgroup" aria-label={title} className="rack-group">
            <div className="rack-title" role="presentation">
              <span>{title}</span>
            </div>
            {rows.map((row) => {
              ariaRow += 1;
              const columnIn = (site: Site | null) =>
                site?.component === row.component.name ? columnOf(rack, site) : null;
              return (
                <RackRowView
                  key={row.component.name}
                  rack={rack}
                  row={row}
                  ariaRow={ariaRow}
                  marks={marks.get(ariaRow - 2)}
                  tabStop={columnIn(tabStop)}
                  pinned={columnIn(pinned)}
                />
              );
            })}
          </div>
        ))}
        <Cables rack={rack} shown={shown} grid={grid} />
      </div>
    </div>
  );
}
