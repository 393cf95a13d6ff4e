// The rack of sockets as data: components in groups, layers in columns, what feeds what, and where a key leads.
// The first column stands before the layers and the last one after them, for components that exist once.

import type { ComponentInfo, ModelInfo } from '../../worker/protocol.ts';

/** A component at a layer; `layer` is null for a component of the whole model. */
export interface Site {
  readonly component: string;
  readonly layer: number | null;
}

export interface RackRow {
  readonly component: ComponentInfo;
  /** The columns that have a socket: one per layer, or one before or after the layers. */
  readonly firstColumn: number;
  readonly lastColumn: number;
}

export interface RackGroup {
  readonly title: string;
  readonly rows: readonly RackRow[];
}

export interface Rack {
  readonly groups: readonly RackGroup[];
  /** All rows, top to bottom. */
  readonly rows: readonly RackRow[];
  readonly layerCount: number;
  /** Columns with the two beside the layers: `layerCount` + 2; layer n is in column n + 1. */
  readonly columnCount: number;
}

const groupTitles = ['Residual stream', 'Attention', 'Heads', 'MLP', 'Other', 'Whole model'] as const;
export type GroupTitle = (typeof groupTitles)[number];

export function groupOf({ name, layers }: ComponentInfo): GroupTitle {
  if (layers === null) return 'Whole model';
  if (name.startsWith('block_')) return 'Residual stream';
  if (name.startsWith('head_')) return 'Heads';
  if (/^(attention|qkv|query|key|value)_/.test(name)) return 'Attention';
  return name.startsWith('mlp_') ? 'MLP' : 'Other';
}

export function buildRack(model: Pick<ModelInfo, 'components' | 'layerCount'>): Rack {
  const { components, layerCount } = model;
  const perLayer = new Set(components.filter(({ layers }) => layers !== null).map(({ name }) => name));
  const rowOf = (component: ComponentInfo): RackRow => {
    const { layers, feeds } = component;
    if (layers !== null) return { component, firstColumn: 1, lastColumn: layers };
    const column = feeds.some((name) => perLayer.has(name)) ? 0 : layerCount + 1;
    return { component, firstColumn: column, lastColumn: column };
  };
  const groups = groupTitles.flatMap((title) => {
    const rows = components.filter((component) => groupOf(component) === title).map(rowOf);
    return rows.length === 0 ? [] : [{ title, rows }];
  });
  return { groups, rows: groups.flatMap(({ rows }) => rows), layerCount, columnCount: layerCount + 2 };
}

export const sameSite = (a: Site | null, b: Site | null): boolean =>
  a?.component === b?.component && a?.layer === b?.layer;

/** A name for a site that a DOM attribute can hold: `query_output:3`, `logits:`. */
export const siteKey = ({ component, layer }: Site): string => `${component}:${layer ?? ''}`;

/** `layer 3`, or `whole model` */
export const siteLayer = ({ layer }: Site): string => (layer === null ? 'whole model' : `layer ${layer}`);

export const rowIndexOf = (rack: Rack, site: Site): number =>
  rack.rows.findIndex(({ component }) => component.name === site.component);

export function columnOf(rack: Rack, site: Site): number {
  if (site.layer !== null) return site.layer + 1;
  return rack.rows[rowIndexOf(rack, site)]?.firstColumn ?? 0;
}

/** The socket of a row that is nearest to a column. */
export function siteAt(row: RackRow, column: number): Site {
  const { component, firstColumn, lastColumn } = row;
  const nearest = Math.min(Math.max(column, firstColumn), lastColumn);
  return { component: component.name, layer: component.layers === null ? null : nearest - 1 };
}

/**
 * The sites that `site` flows into. A block's output flows into the next layer's input, and after the last layer into
 * the whole model's components; all else stays in its layer.
 */
export function fedSites(rack: Rack, site: Site): readonly Site[] {
  const feeds = rack.rows[rowIndexOf(rack, site)]?.component.feeds ?? [];
  return feeds.flatMap((name): readonly Site[] => {
    const target = rack.rows[rowIndexOf(rack, { component: name, layer: null })]?.component;
    if (target === undefined) return [];
    if (target.layers === null) {
      return site.layer === null || site.layer === rack.layerCount - 1
        ? [{ component: name, layer: null }]
        : [];
    }
    const layer = site.layer === null ? 0 : name === 'block_input' ? site.layer + 1 : site.layer;
    return layer < target.layers ? [{ component: name, layer }] : [];
  });
}

/** The sites that flow into `site`: `fedSites` read backwards. */
export function feedingSites(rack: Rack, site: Site): readonly Site[] {
  return rack.rows
    .filter(({ component }) => component.feeds.includes(site.component))
    .flatMap((row) => {
      const column = columnOf(rack, site);
      const candidates = [siteAt(row, column), siteAt(row, column - 1)];
      return candidates.filter((one) => fedSites(rack, one).some((fed) => sameSite(fed, site))).slice(0, 1);
    });
}

/** For a per-head form, the site whose numbers it splits by head; null for all else. */
export function wholeSite(rack: Rack, { component, layer }: Site): Site | null {
  const whole: Site = { component: component.replace(/^head_/, ''), layer };
  return whole.component !== component && rowIndexOf(rack, whole) >= 0 ? whole : null;
}

/** How far PageUp and PageDown go. */
const pageColumns = 5;

/** @returns where a key leads from `site`, or null when the key does not move */
export function moveSite(rack: Rack, site: Site, key: string, isControl: boolean): Site | null {
  const row = rowIndexOf(rack, site);
  const column = columnOf(rack, site);
  const at = (toRow: number, toColumn: number): Site | null => {
    const target = rack.rows[Math.min(Math.max(toRow, 0), rack.rows.length - 1)];
    return target === undefined ? null : siteAt(target, toColumn);
  };
  switch (key) {
    case 'ArrowLeft':
      return at(row, column - 1);
    case 'ArrowRight':
      return at(row, column + 1);
    case 'ArrowUp':
      return at(row - 1, column);
    case 'ArrowDown':
      return at(row + 1, column);
    case 'PageUp':
      return at(row, column - pageColumns);
    case 'PageDown':
      return at(row, column + pageColumns);
    case 'Home':
      return at(isControl ? 0 : row, 0);
    case 'End':
      return at(isControl ? rack.rows.length - 1 : row, rack.columnCount - 1);
    default:
      return null;
  }
}
