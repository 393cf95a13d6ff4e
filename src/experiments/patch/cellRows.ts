// The rows that measure one cell of a patching grid, and the layers through which they pass.

import type { StackName } from '../../architectures/architecture.ts';
import type { Location, Site, Source } from '../../runtime/plan/plan.ts';

/** A row that carries positions from `position` on through the model's layers `from` to `to` (exclusive). */
export interface RowSpan {
  readonly from: number;
  readonly to: number;
  readonly position: number;
  /** It carries the positions of this stack and none of its reader: nothing further is read of it. */
  readonly alone?: Exclude<StackName, 'main'>;
}

/** What a cell needs of a plan. */
export interface CellSpan {
  /** Its own rows; the last one is measured. */
  readonly rows: readonly RowSpan[];
  /** Layers that the run which is edited must pass for it, and the one that activations are taken from. */
  readonly base: number;
  readonly source: number;
  /** What is edited is what an encoder makes of its positions, so the row carries these too. */
  readonly isEncoders?: true;
  /** It is what the stack makes that sees the picture of a question, whose positions are carried then. */
  readonly isOfPicture?: true;
}

/** Rows of a plan that a cell's rows refer to. */
export interface CellRows {
  /** The run that is edited. */
  readonly base: number;
  /** What stands at a site and location instead. */
  readonly sourceOf: (site: Site & { readonly layer: number }, location: Location) => Source;
  /** Place of the cell's first row in the plan. */
  readonly first: number;
}
