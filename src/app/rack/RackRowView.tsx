// One component's sockets, a cell per layer. Memoised: moving over the rack redraws only the rows whose marks change.

import { memo } from 'react';
import { formatShape, socketForm, spokenShape } from './shape.ts';
import { type Rack, type RackRow, type Site, siteAt, siteKey, siteLayer } from './sites.ts';

/** What a socket is to the one that is looked at, by column. */
export type Mark = 'shown' | 'fed' | 'feeding';
export type Marks = ReadonlyMap<number, Mark>;

interface RackRowViewProps {
  readonly rack: Rack;
  readonly row: RackRow;
  /** 1-based, as ARIA counts; the first row is the header. */
  readonly ariaRow: number;
  readonly marks: Marks | undefined;
  /** Columns of the rack's tab stop and of the pinned socket, when they are in this row. */
  readonly tabStop: number | null;
  readonly pinned: number | null;
}

export const cellName = (row: RackRow, site: Site): string =>
  `${row.component.name}, ${siteLayer(site)}, ${spokenShape(row.component.shape)}`;

function RackRowInner({ rack, row, ariaRow, marks, tabStop, pinned }: RackRowViewProps) {
  const { component, firstColumn, lastColumn } = row;
  const form = socketForm(component.shape);
  const all = [...(marks?.values() ?? [])];
  const strongest = all.find((mark) => mark === 'shown') ?? all[0];
  const columns = Array.from({ length: rack.columnCount }, (_, column) => column);
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: in a grid the cells take the focus
    // biome-ignore lint/a11y/useSemanticElements: a grid of this size is laid out by CSS, not as a table
    <div role="row" className="rack-row" aria-rowindex={ariaRow} data-strongest={strongest}>
      {/* biome-ignore lint/a11y/useFocusableInteractive: the row's name is read with its cells */}
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="rowheader" className="rack-name" aria-colindex={1}>
        <span className="mono">{component.name}</span>
        <span className="rack-shape">{formatShape(component.shape)}</span>
      </div>
      {columns.map((column) => {
        if (column < firstColumn || column > lastColumn) {
          // biome-ignore lint/a11y/useSemanticElements: as above
          // biome-ignore lint/a11y/useFocusableInteractive: nothing is here
          return <div key={column} role="gridcell" aria-colindex={column + 2} className="rack-gap" />;
        }
        const site = siteAt(row, column);
        return (
          // biome-ignore lint/a11y/useSemanticElements: as above
          <div
            key={column}
            role="gridcell"
            className="rack-cell"
            aria-colindex={column + 2}
            aria-label={cellName(row, site)}
            aria-selected={pinned === column}
            data-site={siteKey(site)}
            data-row={ariaRow}
            data-column={column}
            data-form={form}
            data-mark={marks?.get(column)}
            tabIndex={tabStop === column ? 0 : -1}
          >
            <span className="socket" />
          </div>
        );
      })}
    </div>
  );
}

export const RackRowView = memo(RackRowInner);
