// A heatmap whose locations are squares of a picture, laid over it: the picture once for each layer, in a line for each panel.
// It is looked at as a whole; the cells one by one are the heatmap's.

import { isDiverging } from './colour.ts';
import { colourScale } from './colourScale.ts';
import type { HeatmapDescription } from './description.ts';
import type { LayoutOptions } from './heatmap.ts';
import { textWidth, wrapText } from './lettering.ts';
import type { FigurePicture, Mark } from './marks.ts';
import { formatMetric } from './metric.ts';
import type { PlainFigure } from './plainFigure.ts';
import { type Theme, themes } from './theme.ts';

export interface OverlayDescription {
  /** Title, caption, panels, layers, metric: its locations from `firstLocation` on are the squares, row by row. */
  readonly heatmap: HeatmapDescription;
  /** The picture with its bytes in it; without it the squares stand alone. */
  readonly picture?: FigurePicture;
  /** How many times as wide as high what is seen of it is; default a square. */
  readonly aspect?: number;
  /** Squares across and down. */
  readonly across: number;
  readonly down: number;
  readonly firstLocation: number;
  /** Squares that are corrupted, row by row. */
  readonly marked: readonly boolean[];
}

export type OverlayOptions = Pick<
  LayoutOptions,
  'width' | 'theme' | 'showsTitle' | 'showsCaption' | 'padding'
>;

const pictureSide = 150;
const gap = 12;
const titleLine = 20;
const smallSize = 11;
const smallLine = 16;
const barWidth = 220;
const barHeight = 8;
const barSteps = 22;
/** How much of a square's colour covers the picture: least where there is no effect, so that the picture is seen. */
const [thinnest, thickest] = [0.15, 0.85];
/** How much of the paper lies over the picture, so that its own colours are not taken for the figure's. */
const veil = 0.45;

export function layoutOverlay(description: OverlayDescription, options: OverlayOptions): PlainFigure {
  const { heatmap, across, down, picture, aspect = 1, firstLocation, marked } = description;
  const { width, padding = 0, showsTitle = true, showsCaption = true } = options;
  const theme = themes[options.theme];
  const inner = width - 2 * padding;
  const marks: Mark[] = [];
  const words: string[] = [];
  let y = padding;
  const write = (text: string, size: number, fill: string, weight?: number, x = padding) =>
    marks.push({ kind: 'text', x, y: y + size, runs: [{ text }], size, fill, ...(weight ? { weight } : {}) });
  if (showsTitle) {
    for (const text of wrapText(heatmap.title, inner / 1.06, 15)) {
      write(text, 15, theme.ink, 600);
      y += titleLine;
    }
    y += 10;
  }
  const [pictureWidth, pictureHeight] = sidesOf(aspect, inner);
  const perLine = Math.max(1, Math.floor((inner + gap) / (pictureWidth + gap)));
  const [squareWidth, squareHeight] = [pictureWidth / across, pictureHeight / down];
  heatmap.panels.forEach((panel, index) => {
    const scale = colourScale(heatmap, index, options.theme);
    write(panel.title, 13, theme.ink, 600);
    y += titleLine;
    heatmap.layers.forEach((layer, at) => {
      const x = padding + (at % perLine) * (pictureWidth + gap);
      if (at > 0 && at % perLine === 0) y += pictureHeight + smallLine + gap;
      marks.push({
        kind: 'text',
        x,
        y: y + smallSize,
        runs: [{ text: `${heatmap.layerWord ?? 'layer'} ${layer}` }],
        size: smallSize,
        fill: theme.quietInk,
      });
      const top = y + smallLine;
      const frame = { x, y: top, width: pictureWidth, height: pictureHeight };
      if (picture)
        marks.push(
          { kind: 'image', ...frame, image: 'picture' },
          { kind: 'rect', ...frame, fill: theme.paper, opacity: veil },
        );
      let strongest: { readonly square: number; readonly value: number; readonly effect: number } | undefined;
      for (let square = 0; square < across * down; square++) {
        const value = panel.values[firstLocation + square]?.[at];
        const [row, column] = [Math.floor(square / across), square % across];
        const rect = {
          x: x + column * squareWidth,
          y: top + row * squareHeight,
          width: squareWidth,
          height: squareHeight,
        };
        if (value !== undefined && Number.isFinite(value)) {
          const place = Math.min(1, Math.max(0, scale.place(value)));
          // Of colours that part in the middle no effect is there, and the largest ones are at both ends.
          const effect = isDiverging(panel.colours) ? Math.abs(place - 0.5) * 2 : place;
          const opacity = picture ? thinnest + (thickest - thinnest) * effect : 1;
          marks.push({
            kind: 'rect',
            ...rect,
            fill: scale.colour(value),
            opacity: Number(opacity.toFixed(3)),
          });
          if (!strongest || effect > strongest.effect) strongest = { square, value, effect };
        }
        if (marked[square])
          marks.push({ kind: 'path', d: crossIn(rect), stroke: theme.accent, strokeWidth: 1 });
      }
      marks.push({ kind: 'rect', ...frame, fill: 'none', stroke: theme.frame, strokeWidth: 1 });
      if (strongest) {
        const { square, value } = strongest;
        words.push(
          `${panel.title}, layer ${layer}: most in row ${Math.floor(square / across) + 1}, column ${(square % across) + 1}, ${formatMetric(heatmap.metric, value)}.`,
        );
      }
    });
    y += pictureHeight + smallLine + gap;
    const legend = bar(heatmap, index, { x: padding, y, theme, name: options.theme, room: inner });
    marks.push(...legend.marks);
    y += legend.height + gap;
  });
  const notes = [
    ...(marked.includes(true) ? ['Corrupted squares are crossed out.'] : []),
    ...(showsCaption && heatmap.caption ? [heatmap.caption] : []),
  ];
  for (const text of notes.flatMap((note) => wrapText(note, inner, smallSize))) {
    write(text, smallSize, theme.quietInk);
    y += smallLine;
  }
  return {
    title: heatmap.title,
    summary: words.join(' '),
    width,
    height: Math.ceil(y + padding),
    theme,
    marks,
    ...(picture ? { images: { picture } } : {}),
  };
}

/** As large as a square of the usual side, and no wider than there is room. */
function sidesOf(aspect: number, room: number): readonly [width: number, height: number] {
  const own = Math.min(8, Math.max(1 / 8, aspect));
  const width = Math.round(Math.min(room, pictureSide * Math.sqrt(own)));
  return [width, Math.round(width / own)];
}

/** A diagonal through a square. */
function crossIn({ x, y, width, height }: { x: number; y: number; width: number; height: number }): string {
  const at = (value: number) => Number(value.toFixed(2));
  return `M${at(x)} ${at(y + height)}L${at(x + width)} ${at(y)}`;
}

interface BarPlace {
  readonly x: number;
  readonly y: number;
  readonly theme: Theme;
  readonly name: Theme['name'];
  /** How wide it may be with its words. */
  readonly room: number;
}

/** The colours from one end to the other, with the values of the baselines or of the ends. */
function bar(
  heatmap: HeatmapDescription,
  panel: number,
  { x, y, theme, name, room }: BarPlace,
): { readonly marks: readonly Mark[]; readonly height: number } {
  const scale = colourScale(heatmap, panel, name);
  const { start, end } = scale.range;
  const { baselines } = heatmap;
  const named = (value: number): string => {
    const level = (['clean', 'corrupted'] as const).find((each) => baselines?.[each] === value);
    return `${level ? `${level} ` : ''}${formatMetric(heatmap.metric, value)}`;
  };
  const step = barWidth / barSteps;
  const isLogarithmic = heatmap.metric.isLogarithmic === true;
  const valueAt = (share: number) =>
    isLogarithmic ? start * (end / start) ** share : start + (end - start) * share;
  const strips = Array.from(
    { length: barSteps },
    (_, at): Mark => ({
      kind: 'rect',
      x: x + at * step,
      y,
      width: step,
      height: barHeight,
      fill: scale.colour(valueAt((at + 0.5) / barSteps)),
    }),
  );
  const label = (at: number, anchor: 'start' | 'end', text: string): Mark => ({
    kind: 'text',
    x: at,
    y: y + barHeight + 3 + smallSize,
    runs: [{ text }],
    size: smallSize,
    fill: theme.ink,
    anchor,
  });
  const words = heatmap.metric.name;
  const isBeside = textWidth(words, smallSize) <= room - barWidth - gap;
  const lines = isBeside ? [words] : wrapText(words, room, smallSize);
  const [left, top] = isBeside ? [x + barWidth + gap, y + barHeight] : [x, y + barHeight + 2 * smallLine];
  return {
    marks: [
      ...strips,
      label(x, 'start', named(start)),
      label(x + barWidth, 'end', named(end)),
      ...lines.map(
        (text, line): Mark => ({
          kind: 'text',
          x: left,
          y: top + line * smallLine,
          runs: [{ text }],
          size: smallSize,
          fill: theme.quietInk,
        }),
      ),
    ],
    height: barHeight + smallLine * (isBeside ? 1 : 1 + lines.length),
  };
}
