// What decides the rows of a patch: cases, panels, and their cells. No model has to run to know it.

import type { StackPlace } from '../../architectures/architecture.ts';
import { inputOfPlaced, type PlacedInInput } from '../inputParts.ts';
import type { WholePrompt } from '../wholePrompt.ts';

/** A run of a pair: how its row begins, and what of it has positions. */
export type PatchRun = Pick<WholePrompt, 'start' | 'tokens' | 'input'>;

/** Positions of the stack that predicts. */
export const mainLength = ({ tokens, input }: PatchRun): number =>
  input?.stack === 'main' ? input.length : tokens.length;

/** Positions of what is read beside the tokens, or in place of them. */
export const inputLength = ({ input }: PatchRun): number => input?.length ?? 0;

/** Positions of the picture that a question is about. */
export const pictureLength = ({ input }: PatchRun): number => input?.picture?.length ?? 0;

/** Positions of the stack whose states a component's are. */
export function lengthAt(run: PatchRun, placed: PlacedInInput): number {
  if (placed.isOfPicture) return pictureLength(run);
  return placed.isOfInput ? inputLength(run) : mainLength(run);
}

/** One pair of runs. With several draws of an ablation, a pair has several cases. */
export interface PatchCase {
  /** Place in the list of pairs. */
  readonly pair: number;
  /** The run that is edited. */
  readonly base: PatchRun;
  /** The run that activations are taken from, as long; absent where they are numbers that no run has. */
  readonly source?: PatchRun;
  /** The first position of the stack that predicts that the two runs do not share; 0 where there is no source. */
  readonly firstDifference: number;
  /** Both read the same beside their tokens, so no state of an encoder differs. */
  readonly sharesInput?: true;
  /** Both questions are about the same picture, so no state of what sees it differs. */
  readonly sharesPicture?: true;
}

/** A head, as [layer, head]. */
export type HeadName = readonly [number, number];

/** Everything that one picture shows: layers down, columns across. */
interface PanelBase {
  /** What a cell edits. */
  readonly component: string;
  /** Layers that are edited together. */
  readonly window: number;
  /** In an encoder-decoder, where the component's layers lie. */
  readonly place?: StackPlace;
}

/** Layers that a panel has cells at. */
export const layersOf = ({ place }: PatchPanel, layerCount: number): number => place?.count ?? layerCount;

export interface SweepPanel extends PanelBase, PlacedInInput {
  readonly kind: 'sweep';
  readonly by: 'position' | 'head' | 'head-position';
  /** Columns of a sweep by head, with positions within each by both; edited together in a sweep by position. */
  readonly heads?: readonly number[];
  /**
   * Columns of a sweep by position, edited together in a sweep by head. Of the input, they are places in the list of
   * its columns, of the picture in that of the picture's.
   */
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

/** The runs of a pair of prompts. */
export interface PromptPair {
  readonly clean: PatchRun;
  /** Absent where an ablation stands in its place. */
  readonly corrupted?: PatchRun;
  /** The position whose prediction is watched, in both. */
  readonly watched: number;
}

export interface PatchOutline {
  readonly pairs: readonly PromptPair[];
  readonly cases: readonly PatchCase[];
  readonly panels: readonly PatchPanel[];
  /** Of the input: positions that are edited together, a column each. Absent where the pairs' inputs are not of one length. */
  readonly columns?: readonly (readonly number[])[];
  /** The same of the picture that questions are about. */
  readonly pictureColumns?: readonly (readonly number[])[];
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

/**
 * Positions that a column of a sweep edits in a run, ascending.
 * @param outline whose columns are meant, where the sweep is of the input's positions or of its picture's
 */
export function editedPositions(
  panel: SweepPanel,
  { position }: Column,
  run: PatchRun,
  { columns, pictureColumns }: Pick<PatchOutline, 'columns' | 'pictureColumns'>,
): readonly number[] {
  const { by, positions } = panel;
  const parts = inputOfPlaced({ input: columns, picture: pictureColumns }, panel);
  const at = (places: readonly number[]) =>
    parts ? places.flatMap((place) => parts[place] ?? []).sort((a, b) => a - b) : places;
  if (by !== 'head') return position === undefined ? [] : at([position]);
  const length = lengthAt(run, panel);
  if (positions === 'all') return Array.from({ length }, (_, each) => each);
  return at(positions === 'last' ? [(parts?.length ?? length) - 1] : positions);
}
