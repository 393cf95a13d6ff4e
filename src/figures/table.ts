// The numbers of a heatmap without its colours: rows for a table on the page, CSV for spreadsheets and data frames, JSON
// for programs. One cell is one row, in the order of panels, locations and layers, computed or not.

import { type HeatmapDescription, type HeatmapPanel, type Locations, locationCount } from './description.ts';
import { fractionRecovered, metricLabel } from './metric.ts';

export type TableValue = string | number | boolean | undefined;

export interface TableColumn {
  /** With the unit, if there is one: `logit difference (nats)`. */
  readonly header: string;
  /** The same in JSON. */
  readonly key: string;
}

export interface HeatmapTable {
  readonly columns: readonly TableColumn[];
  /** `rows[cell][column]`; undefined where a cell is not computed or a column does not apply. */
  readonly rows: readonly (readonly TableValue[])[];
}

interface Cell {
  readonly panel: HeatmapPanel;
  readonly location: number;
  readonly layer: number;
}

interface ColumnSource extends TableColumn {
  readonly read: (cell: Cell) => TableValue;
}

/** The numbers as rows. Columns that would be empty throughout (windows, spread, recovery) are left out. */
export function heatmapTable(description: HeatmapDescription): HeatmapTable {
  const columns = columnSources(description);
  const rows = description.panels.flatMap((panel) =>
    Array.from({ length: locationCount(description.locations) }, (_, location) =>
      description.layers.map((_, layer) => columns.map(({ read }) => read({ panel, location, layer }))),
    ).flat(),
  );
  return { columns: columns.map(({ header, key }) => ({ header, key })), rows };
}

function columnSources(description: HeatmapDescription): readonly ColumnSource[] {
  const { panels, locations, layers, layerWord = 'layer', metric, baselines } = description;
  const value = ({ panel, location, layer }: Cell): number | undefined => panel.values[location]?.[layer];
  const columns: ColumnSource[] = [{ header: 'panel', key: 'panel', read: ({ panel }) => panel.title }];
  columns.push(...locationColumns(locations));
  columns.push({ header: layerWord, key: 'layer', read: ({ layer }) => layers[layer] });
  if (panels.some(({ windows }) => windows)) {
    columns.push(
      {
        header: 'first restored layer',
        key: 'firstLayer',
        read: ({ panel, layer }) => panel.windows?.[layer]?.[0] ?? layers[layer],
      },
      {
        header: 'last restored layer',
        key: 'lastLayer',
        read: ({ panel, layer }) => panel.windows?.[layer]?.[1] ?? layers[layer],
      },
    );
  }
  columns.push({ header: metricLabel(metric), key: 'value', read: value });
  if (panels.some(({ standardDeviations }) => standardDeviations)) {
    columns.push({
      header: `standard deviation${metric.unit ? ` (${metric.unit})` : ''}`,
      key: 'standardDeviation',
      read: ({ panel, location, layer }) => panel.standardDeviations?.[location]?.[layer],
    });
  }
  if (baselines) {
    columns.push({
      header: 'fraction recovered',
      key: 'recovered',
      read: (cell) => fractionRecovered(value(cell) ?? Number.NaN, baselines),
    });
  }
  return columns;
}

function locationColumns(locations: Locations): readonly ColumnSource[] {
  switch (locations.kind) {
    case 'position': {
      const token = ({ location }: Cell) => locations.tokens[location];
      return [
        { header: 'position', key: 'position', read: ({ location }) => location },
        { header: 'token', key: 'token', read: (cell) => token(cell)?.text },
        { header: 'corrupted', key: 'corrupted', read: (cell) => token(cell)?.isCorrupted ?? false },
      ];
    }
    case 'head':
      return [{ header: 'head', key: 'head', read: ({ location }) => locations.heads[location] }];
    case 'named':
      return [{ header: 'position', key: 'position', read: ({ location }) => locations.names[location] }];
    default:
      return locations satisfies never;
  }
}
