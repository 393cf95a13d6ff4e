// A figure as a file: SVG that stands alone, without a style sheet, a script or a font, and that a vector editor opens as
// it looks here.

import { cellOf, type HeatmapModel } from './heatmap.ts';
import { elementOf, fillValue, type Mark } from './marks.ts';
import { fontStacks } from './theme.ts';

export interface SvgOptions {
  /** Fill the ground with the theme's paper. True by default; a dark figure is unreadable on a white page without it. */
  readonly hasPaper?: boolean;
  /** Sets the definitions of this figure apart from others in one document. `figure` by default. */
  readonly prefix?: string;
}

/** The figure as a standalone SVG document. */
export function heatmapSvg(model: HeatmapModel, options: SvgOptions = {}): string {
  const { hasPaper = true, prefix = 'figure' } = options;
  const { width, height, theme, description } = model;
  const lines = [
    ...svgOpening(
      { width, height, title: description.title },
      [model.summary, description.caption].filter(Boolean).join(' '),
      prefix,
    ),
    '<defs>',
    hatchPattern(model, prefix),
    ...model.gradients.map(
      ({ name, stops }) =>
        `<linearGradient id="${prefix}-${name}">${stops
          .map((colour, i) => `<stop offset="${round(i / (stops.length - 1))}" stop-color="${colour}"/>`)
          .join('')}</linearGradient>`,
    ),
    '</defs>',
  ];
  if (hasPaper) lines.push(`<rect width="${width}" height="${height}" fill="${theme.paper}"/>`);
  const draw = (marks: readonly Mark[]): void => {
    for (const mark of marks) lines.push(markXml(mark, prefix));
  };
  draw(model.marks);
  for (const panel of model.panels) {
    lines.push('<g>');
    draw(panel.marks);
    for (const header of [...panel.rowHeaders, ...panel.columnHeaders])
      if (header.isShown) draw([header.mark]);
    for (const row of panel.cells) {
      for (const { rect, fill, summary } of row) {
        const { x, y, width: w, height: h } = rect;
        lines.push(
          `<rect x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}" fill="${fillValue(fill, prefix)}"><title>${escapeXml(summary)}</title></rect>`,
        );
      }
    }
    // Over all cells, so that a neighbour never covers a printed value.
    for (const row of panel.cells) for (const cell of row) draw(cell.decorations);
    lines.push('</g>');
  }
  for (const { pin, marks } of model.pins) {
    lines.push(`<g><title>${escapeXml(`${pin.letter}: ${cellOf(model, pin)?.summary ?? ''}`)}</title>`);
    draw(marks);
    lines.push('</g>');
  }
  lines.push('</svg>');
  return `${lines.join('\n')}\n`;
}

/** The first lines of a document: size, fonts, and what the figure is called and shows. */
export function svgOpening(
  { width, height, title }: { readonly width: number; readonly height: number; readonly title: string },
  words: string,
  prefix: string,
): readonly string[] {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${prefix}-title ${prefix}-description" font-family="${escapeXml(fontStacks.sans)}">`,
    `<title id="${prefix}-title">${escapeXml(title)}</title>`,
    `<desc id="${prefix}-description">${escapeXml(words)}</desc>`,
  ];
}

/** Diagonal stripes in the theme's quiet colours: a cell that has no value cannot be taken for a pale one. */
export function hatchPattern({ theme }: HeatmapModel, prefix: string): string {
  return (
    `<pattern id="${prefix}-hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
    `<rect width="5" height="5" fill="${theme.hatchGround}"/>` +
    `<rect width="1.25" height="5" fill="${theme.hatch}"/></pattern>`
  );
}

/** A mark as an element of a document. */
export function markXml(mark: Mark, prefix: string): string {
  const { name, attributes, runs } = elementOf(mark, prefix);
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join('');
  if (runs.length === 0) return `<${name}${written}/>`;
  const text = runs
    .map((run) =>
      run.fill ? `<tspan fill="${run.fill}">${escapeXml(run.text)}</tspan>` : escapeXml(run.text),
    )
    .join('');
  return `<${name}${written}>${text}</${name}>`;
}

const round = (value: number): string => String(Math.round(value * 100) / 100);

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text for XML 1.0. What XML cannot hold at all, lone surrogates and control characters, becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"']/g, (character) => entities[character] ?? character)
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
}
