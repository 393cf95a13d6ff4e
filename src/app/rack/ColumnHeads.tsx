// The numbers of the layers over the rack. Where there are many, every fifth is written; all have a name to be read out.

import { columnOf, type Rack, type Site } from './sites.ts';

export function ColumnHeads({ rack, shown }: { readonly rack: Rack; readonly shown: Site | null }) {
  const shownColumn = shown === null ? null : columnOf(rack, shown);
  const nameOf = (column: number): string =>
    column === 0
      ? 'before the layers'
      : column > rack.layerCount
        ? 'after the layers'
        : `layer ${column - 1}`;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: heads are read with their cells
    // biome-ignore lint/a11y/useSemanticElements: a grid of this size is laid out by CSS, not as a table
    <div role="row" className="rack-row rack-heads" aria-rowindex={1}>
      {/* biome-ignore lint/a11y/useFocusableInteractive: as above */}
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="columnheader" className="rack-name" aria-colindex={1}>
        <span>Component</span>
        <span className="rack-shape">
          <span>Shape</span>
          <span>Layer</span>
        </span>
      </div>
      {Array.from({ length: rack.columnCount }, (_, column) => {
        const isLayer = column > 0 && column <= rack.layerCount;
        const isWritten = column === shownColumn || rack.layerCount <= 12 || (column - 1) % 5 === 0;
        return (
          // biome-ignore lint/a11y/useFocusableInteractive: as above
          // biome-ignore lint/a11y/useSemanticElements: as above
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: a column is its number
            key={column}
            role="columnheader"
            className="rack-head"
            aria-colindex={column + 2}
            data-shown={column === shownColumn}
          >
            <span className="visually-hidden">{isLayer && isWritten ? 'layer ' : nameOf(column)}</span>
            {isLayer && isWritten && column - 1}
          </div>
        );
      })}
    </div>
  );
}
