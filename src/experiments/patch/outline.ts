// What decides the rows of a patch: cases, panels, and their cells. No model has to run to know it.

/** One pair of runs. With several draws of an ablation, a pair has several cases. */
export interface PatchCase {
  /** Place in the list of pairs. */
  readonly pair: number;
  /** Tokens of the run that is edited. */
  readonly base: readonly number[];
  /** Tokens of the run that activations are taken from, as many; absent where they are numbers that no run has. */
  readonly source?: readonly number[];
  /** The first position that the two runs do not share; 0 where there is no source. */
  readonly firstDifference: number;
}

/** A head, as [layer, head]. */
export type HeadName = readonly [number, number];

/** Everything that one picture shows: layers down, columns across. */
interface PanelBase {
  /** What a cell edits. */
  readonly component: string;
  /** Layers that are edited together. */
  readonly window: number;
}

export interface SweepPanel extends PanelBase {
  readonly kind: 'sweep';
  readonly by: 'position' | 'head' | 'head-position';
  /** Columns of a sweep by head, with positions within each by both; edited together in a sweep by position. */
  readonly heads?: readonly number[];
  /** Columns of a sweep by position, edited together in a sweep by head. */
  readonly positions: readonly number[] | 'all' | 'last';
}

export interface PathPanel extends PanelBase {
  readonly kind: 'path';
  readonly by: 'head';
  readonly heads: readonly number[];
  readonly positions: 'all';
  readonly receiver: { readonly component: string; readonly heads?: readonly HeadName[] };
  /** Absent: all. */
  readonly senders?: readonly HeadName[];
  readonly freezesMlps: boolean;
}

export type PatchPanel = SweepPanel | PathPanel;

/** Tokens of a pair of prompts. */
export interface PromptPair {
  readonly clean: readonly number[];
  /** Absent where an ablation stands in its place. */
  readonly corrupted?: readonly number[];
  /** The position whose prediction is watched, in both. */
  readonly watched: number;
}

export interface PatchOutline {
  readonly pairs: readonly PromptPair[];
  readonly cases: readonly PatchCase[];
  readonly panels: readonly PatchPanel[];
}

export interface PatchCell {
  /** Place in the list of panels. */
  readonly panel: number;
  readonly layer: number;
  readonly column: number;
}

/** A cell in some cases, from the one at this place on; from 0, often all of them. */
export interface PatchPart extends PatchCell {
  readonly from: number;
}

/** What a column stands for. */
export interface Column {
  readonly head?: number;
  readonly position?: number;
}

/** What a panel has a cell for in each layer. */
export interface PanelAxes {
  readonly by: PatchPanel['by'];
  readonly heads?: readonly number[] | undefined;
  readonly positions: PatchPanel['positions'];
}

const listedPositions = ({ positions }: PanelAxes): readonly number[] =>
  typeof positions === 'string' ? [] : positions;

export function columnCount(panel: PanelAxes): number {
  const { by, heads = [] } = panel;
  if (by === 'head') return heads.length;
  return listedPositions(panel).length * (by === 'position' ? 1 : heads.length);
}

/** A column by its place; by head and position, all positions of a head stand together. */
export function columnAt(panel: PanelAxes, place: number): Column {
  const { by, heads = [] } = panel;
  const positions = listedPositions(panel);
  const head = heads[by === 'head' ? place : Math.floor(place / positions.length)];
  const position = positions[by === 'position' ? place : place % positions.length];
  return {
    ...(by === 'position' || head === undefined ? {} : { head }),
    ...(by === 'head' || position === undefined ? {} : { position }),
  };
}

export const columnsOf = (panel: PanelAxes): readonly Column[] =>
  Array.from({ length: columnCount(panel) }, (_, place) => columnAt(panel, place));

/** Whether a panel has this cell: with chosen senders, not every head of every layer. */
export function hasCell(
  panel: PanelAxes & { readonly senders?: readonly HeadName[] | undefined },
  layer: number,
  { head }: Column,
): boolean {
  return panel.senders?.some(([l, h]) => l === layer && h === head) ?? true;
}

/** Positions that a column of a sweep edits in a sequence of this length, ascending. */
export function editedPositions(
  { by, positions }: SweepPanel,
  { position }: Column,
  length: number,
): readonly number[] {
  if (by !== 'head') return position === undefined ? [] : [position];
  if (positions === 'all') return Array.from({ length }, (_, each) => each);
  return positions === 'last' ? [length - 1] : positions;
}
