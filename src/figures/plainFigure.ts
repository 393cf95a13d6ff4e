// Figures that are looked at as a whole, such as lines: marks with a name and a description, written as one image. (A
// heatmap is more: its cells are reached one by one.)

import type { Mark } from './marks.ts';
import { markXml, type SvgOptions, svgOpening } from './svg.ts';
import type { Theme } from './theme.ts';

export interface PlainFigure {
  readonly title: string;
  /** The figure in words, its numbers included. */
  readonly summary: string;
  readonly width: number;
  readonly height: number;
  readonly theme: Theme;
  readonly marks: readonly Mark[];
}

/** The figure as a standalone SVG document. */
export function plainFigureSvg(figure: PlainFigure, options: SvgOptions = {}): string {
  const { hasPaper = true, prefix = 'figure' } = options;
  const { width, height, theme, summary, marks } = figure;
  return [
    ...svgOpening(figure, summary, prefix),
    ...(hasPaper ? [`<rect width="${width}" height="${height}" fill="${theme.paper}"/>`] : []),
    ...marks.map((mark) => markXml(mark, prefix)),
    '</svg>\n',
  ].join('\n');
}
