// The selected cable swept over layers and positions: what it does in every other place, the other cables staying as they
// hang. Each cell is an intervention of its own.

import type { InterveneExperiment } from '../../experiments/intervene/experiment.ts';
import type { HeatmapDescription } from '../../figures/description.ts';
import type { TokenInfo } from '../../worker/protocol.ts';
import { type Cable, changedCable, type PatchDocument } from './document.ts';
import { draftOf, type PatchDraft, type Readings } from './draft.ts';
import type { Matching } from './matching.ts';

export interface CableCell {
  readonly layer: number;
  readonly column: number;
}

/** Coarse first: every fourth layer, then every second, then all. */
export function cellOrder(layerCount: number, columns: number): readonly CellOrder[] {
  const seen = new Set<number>();
  const layers = [4, 2, 1].flatMap((step) =>
    Array.from({ length: layerCount }, (_, layer) => layer).filter((layer) => {
      if (layer % step !== 0 || seen.has(layer)) return false;
      seen.add(layer);
      return true;
    }),
  );
  return layers.flatMap((layer) => Array.from({ length: columns }, (_, column) => ({ layer, column })));
}

type CellOrder = CableCell;

/**
 * A cable moved to another layer and position: its first position goes into the column, and the others keep their distance
 * from it. Its source end moves along where it hung at the same places. Null where there is no such place.
 */
export function movedTo(cable: Cable, { layer, column }: CableCell, matching: Matching): Cable | null {
  const { from, to } = cable;
  const positionsTo = to.positions === 'all' ? [] : to.positions;
  const by = column - (positionsTo[0] ?? column);
  const shifted = positionsTo.map((position) => position + by);
  if (shifted.some((position) => position < 0)) return null;
  const target = {
    ...to,
    layer: to.layer === null ? null : layer,
    positions: to.positions === 'all' ? to.positions : shifted,
  };
  if (!from) return { ...cable, to: target };
  const isSameLayer = from.layer === to.layer;
  const moved = { ...from, layer: isSameLayer ? target.layer : from.layer };
  const positionsFrom = from.positions === 'all' ? [] : from.positions;
  const isSamePlace =
    positionsTo.length > 0 &&
    positionsTo.length === positionsFrom.length &&
    positionsTo.every((position, index) => matching[position] === positionsFrom[index]);
  if (!isSamePlace) return { ...cable, to: target, from: moved };
  const matched = shifted.map((position) => matching[position] ?? null).filter((place) => place !== null);
  if (matched.length < shifted.length) return null;
  return { ...cable, to: target, from: { ...moved, positions: matched } };
}

/** The experiment of one cell; null where the cable has no source there, or does not fit. */
export function cellExperiment(
  document: PatchDocument,
  readings: Readings,
  draft: PatchDraft,
  cable: Cable,
  cell: CableCell,
): InterveneExperiment | null {
  const moved = movedTo(cable, cell, draft.matching);
  if (moved === null) return null;
  const { experiment, misfits } = draftOf(changedCable(document, cable.id, moved), readings, draft.model);
  // Without the moved cable the others would fill the cell with what they do.
  return misfits.some(({ id }) => id === cable.id) ? null : experiment;
}

export interface CableSweep {
  readonly cable: Cable;
  readonly title: string;
  readonly layerCount: number;
  readonly tokens: readonly TokenInfo[];
  readonly columns: number;
  readonly baselines: { readonly base: number; readonly source: number };
  /** [layer * columns + column]: share of the way to the source. */
  readonly values: readonly (number | undefined)[];
}

/** As TransformerLens draws it: layers down, one unit about the base. */
export function cableSweepFigure({
  title,
  layerCount,
  tokens,
  columns,
  values,
}: CableSweep): HeatmapDescription {
  return {
    title,
    caption: '0 as base, 1 as source; the other cables stay as they hang.',
    panels: [
      {
        title,
        colours: 'rdBu',
        values: Array.from({ length: columns }, (_, column) =>
          Array.from({ length: layerCount }, (__, layer) => values[layer * columns + column]),
        ),
        axisTitle: 'layer',
      },
    ],
    locations: { kind: 'position', tokens: tokens.map(({ text }) => ({ text })) },
    layers: Array.from({ length: layerCount }, (_, layer) => layer),
    metric: { name: 'share of the way to the source', shortName: 'share', digits: 2 },
    orientation: 'layers-down',
    midpoint: 0,
    range: { start: -1, end: 1 },
  };
}
