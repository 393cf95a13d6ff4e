// Figures that are looked at as a whole, bars and lines: marks with a name and a description, drawn in a page as one
// image or written as a file. (A heatmap is more: its cells are reached one by one.)

import { select } from 'd3';
import type { Mark } from './marks.ts';
import { drawMarks, type Group } from './screenGrid.ts';
import { markXml, type SvgOptions, svgOpening } from './svg.ts';
import { fontStacks, type Theme } from './theme.ts';

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

export interface PlainFigureView {
  update(figure: PlainFigure): void;
  dispose(): void;
}

/** Draw a figure as the last child of `host`. To a screen reader it is an image named by its title and summary. */
export function drawPlainFigure(host: HTMLElement, initial: PlainFigure): PlainFigureView {
  const svg = select(host)
    .append('svg')
    .attr('role', 'img')
    .attr('font-family', fontStacks.sans)
    .style('display', 'block')
    .style('forced-color-adjust', 'none');
  const surface: Group = svg.append('g');
  const update = ({ title, summary, width, height, theme, marks }: PlainFigure): void => {
    svg
      .attr('width', width)
      .attr('height', height)
      .attr('viewBox', `0 0 ${width} ${height}`)
      .attr('aria-label', `${title}. ${summary}`)
      .style('background', theme.paper);
    drawMarks(surface, marks, 'plain');
  };
  update(initial);
  return { update, dispose: () => svg.remove() };
}
