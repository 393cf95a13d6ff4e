// The few shapes a figure is made of. The layout emits them, and both renderers draw them through `elementOf`, so what is
// exported is what is seen.

import { type FontFamily, fontStacks } from './theme.ts';

/** A colour, or the name of a definition in the figure (its hatch, a colour bar's gradient). */
export type Fill = string | { readonly definition: string };

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface RectMark extends Rect {
  readonly kind: 'rect';
  readonly fill: Fill;
  readonly stroke?: string;
  readonly strokeWidth?: number;
  readonly radius?: number;
  /** Of the fill; 1 by default. */
  readonly opacity?: number;
}

/** One of the figure's pictures, stretched to the rectangle. */
export interface ImageMark extends Rect {
  readonly kind: 'image';
  readonly image: string;
}

/** A picture with its bytes in it: a figure asks no server. */
export type ImageData = `data:image/${string}`;

/** A picture of a figure, or a part of it: in parts of its width and height, beyond 0 and 1 where there is none of it. */
export interface FigurePicture {
  readonly href: ImageData;
  readonly part?: Rect;
}

export interface PathMark {
  readonly kind: 'path';
  /** Where the path's own origin lies. */
  readonly origin?: readonly [x: number, y: number];
  readonly d: string;
  readonly fill?: string;
  /** From 0 to 1, the default. */
  readonly fillOpacity?: number;
  readonly stroke?: string;
  readonly strokeWidth?: number;
  readonly dash?: string;
}

export interface TextMark {
  readonly kind: 'text';
  readonly x: number;
  /** The baseline. */
  readonly y: number;
  readonly runs: readonly TextRun[];
  readonly size: number;
  readonly fill: string;
  readonly family?: FontFamily;
  readonly weight?: number;
  readonly anchor?: 'start' | 'middle' | 'end';
  /** Turned to read upwards about (x, y). */
  readonly isUpright?: boolean;
}

/** A stretch of text in one ink. */
export interface TextRun {
  readonly text: string;
  readonly fill?: string;
}

export type Mark = RectMark | PathMark | TextMark | ImageMark;

export interface ElementDescription {
  readonly name: 'rect' | 'path' | 'text' | 'use';
  readonly attributes: Readonly<Record<string, string>>;
  readonly runs: readonly TextRun[];
}

/** A coordinate as an attribute: at most two decimals, none where there is nothing to say. */
export const coordinate = (value: number): string => String(Math.round(value * 100) / 100);

export const fillValue = (fill: Fill, prefix: string): string =>
  typeof fill === 'string' ? fill : `url(#${prefix}-${fill.definition})`;

/**
 * The SVG element of a mark.
 *
 * @param prefix sets the definitions of this figure apart from those of others on the page
 */
export function elementOf(mark: Mark, prefix: string): ElementDescription {
  switch (mark.kind) {
    case 'rect':
      return {
        name: 'rect',
        attributes: present({
          x: coordinate(mark.x),
          y: coordinate(mark.y),
          width: coordinate(mark.width),
          height: coordinate(mark.height),
          rx: mark.radius?.toString(),
          fill: fillValue(mark.fill, prefix),
          stroke: mark.stroke,
          'stroke-width': mark.strokeWidth?.toString(),
          'fill-opacity': mark.opacity?.toString(),
        }),
        runs: [],
      };
    case 'image':
      return {
        name: 'use',
        attributes: {
          href: `#${prefix}-${mark.image}`,
          transform: `translate(${coordinate(mark.x)} ${coordinate(mark.y)}) scale(${coordinate(mark.width)} ${coordinate(mark.height)})`,
        },
        runs: [],
      };
    case 'path':
      return {
        name: 'path',
        attributes: present({
          d: mark.d,
          transform: mark.origin && `translate(${mark.origin.map(coordinate).join(' ')})`,
          fill: mark.fill ?? 'none',
          'fill-opacity': mark.fillOpacity?.toString(),
          stroke: mark.stroke,
          'stroke-width': mark.strokeWidth?.toString(),
          'stroke-dasharray': mark.dash,
        }),
        runs: [],
      };
    case 'text': {
      const x = coordinate(mark.x);
      const y = coordinate(mark.y);
      return {
        name: 'text',
        attributes: present({
          x,
          y,
          fill: mark.fill,
          'font-size': String(mark.size),
          'font-family': mark.family === 'mono' ? fontStacks.mono : undefined,
          'font-weight': mark.weight?.toString(),
          'text-anchor': mark.anchor === 'start' ? undefined : mark.anchor,
          transform: mark.isUpright ? `rotate(-90 ${x} ${y})` : undefined,
        }),
        runs: mark.runs,
      };
    }
    default:
      return mark satisfies never;
  }
}

function present(attributes: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
