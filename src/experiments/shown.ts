// What a result shows, whatever its kind: figures as descriptions for `src/figures` to draw, tables, a summary for the
// terminal, programs and files. The command line writes all of it; a page draws what it likes.

import type { HeatmapDescription } from '../figures/description.ts';
import type { LinesDescription } from '../figures/linesDescription.ts';
import type { OverlayDescription } from '../figures/overlay.ts';
import type { TextLook } from '../figures/textCells.ts';
import type { Metric } from './metrics.ts';

export interface ShowOptions {
  /** Default what is usual for the kind and its experiment. */
  readonly metric?: Metric | undefined;
}

export type ShownFigure =
  | { readonly kind: 'heatmap'; readonly name: string; readonly description: HeatmapDescription }
  | { readonly kind: 'lines'; readonly name: string; readonly description: LinesDescription }
  | { readonly kind: 'overlay'; readonly name: string; readonly description: OverlayDescription };

export type OverlayFigure = Extract<ShownFigure, { readonly kind: 'overlay' }>;

export interface Program {
  /** `pyvene` */
  readonly name: string;
  /** `python` */
  readonly language: string;
  readonly text: string;
}

/** Names of several figures, as files have them: `figure`, `figure-2`. */
export const figureNamed = (index: number): string => (index === 0 ? 'figure' : `figure-${index + 1}`);

export interface Shown {
  /** Names without an ending, each once: `figure`, `figure-2`. */
  readonly figures: readonly ShownFigure[];
  readonly tables: readonly { readonly name: string; readonly csv: () => string }[];
  readonly summary: (look: TextLook) => string;
  readonly programs: readonly Program[];
  /** Other files by their path, with slashes. */
  readonly files: () => Readonly<Record<string, Uint8Array>>;
  /** Folders of those files that an earlier run of the same kind may have left, perhaps of another experiment: by parent and name. */
  readonly ownFolders: readonly { readonly parent: string; readonly name: RegExp }[];
}
