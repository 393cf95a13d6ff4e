// Figures that are looked at as a whole, such as lines: marks with a name and a description, written as one image. (A
// heatmap is more: its cells are reached one by one.)

import type { FigurePicture, Mark, Rect } from './marks.ts';
import { escapeXml, markXml, type SvgOptions, svgOpening } from './svg.ts';
import type { Theme } from './theme.ts';

export interface PlainFigure {
  readonly title: string;
  /** The figure in words, its numbers included. */
  readonly summary: string;
  readonly width: number;
  readonly height: number;
  readonly theme: Theme;
  readonly marks: readonly Mark[];
  /** By the name that marks know them by, each written once. */
  readonly images?: Readonly<Record<string, FigurePicture>>;
}

/** The part of a picture as a window onto it. */
export const windowOnto = ({ x, y, width, height }: Rect): string => [x, y, width, height].join(' ');

/** A picture of one by one, to be stretched wherever a mark has it. */
function definition(id: string, { href, part }: FigurePicture): string {
  const size = 'width="1" height="1" preserveAspectRatio="none"';
  const image = (own: string) => `<image${own} ${size} href="${escapeXml(href)}"/>`;
  if (!part) return `<defs>${image(` id="${id}"`)}</defs>`;
  return `<defs><svg id="${id}" ${size} viewBox="${windowOnto(part)}" overflow="hidden">${image('')}</svg></defs>`;
}

/** The figure as a standalone SVG document. */
export function plainFigureSvg(figure: PlainFigure, options: SvgOptions = {}): string {
  const { hasPaper = true, prefix = 'figure' } = options;
  const { width, height, theme, summary, marks, images = {} } = figure;
  return [
    ...svgOpening(figure, summary, prefix),
    ...Object.entries(images).map(([name, picture]) => definition(`${prefix}-${name}`, picture)),
    ...(hasPaper ? [`<rect width="${width}" height="${height}" fill="${theme.paper}"/>`] : []),
    ...marks.map((mark) => markXml(mark, prefix)),
    '</svg>\n',
  ].join('\n');
}
