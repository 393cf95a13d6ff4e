// Colour maps, and the text that can be read on them. On a light page the ramps are ROME's and start near white; on a
// dark page a white ground would outshine its data, so the same hues start near the page and grow lighter instead.
// In every map lightness changes in one direction (away from the middle, if diverging).

import {
  interpolateCividis,
  interpolateGreens,
  interpolateLab,
  interpolatePuOr,
  interpolatePurples,
  interpolateRdBu,
  interpolateReds,
  interpolateViridis,
  piecewise,
  rgb,
} from 'd3';
import type { ThemeName } from './theme.ts';

export type ColourMap = 'purples' | 'greens' | 'reds' | 'viridis' | 'cividis' | 'puOr' | 'rdBu';

export const colourMaps: readonly ColourMap[] = [
  'purples',
  'greens',
  'reds',
  'viridis',
  'cividis',
  'puOr',
  'rdBu',
];

export const isDiverging = (map: ColourMap): boolean => map === 'puOr' || map === 'rdBu';

type Ramp = (t: number) => string;

const onLight: Readonly<Record<ColourMap, Ramp>> = {
  purples: interpolatePurples,
  greens: interpolateGreens,
  reds: interpolateReds,
  viridis: interpolateViridis,
  cividis: interpolateCividis,
  puOr: interpolatePuOr,
  rdBu: interpolateRdBu,
};

const onDark: Readonly<Record<ColourMap, Ramp>> = {
  purples: piecewise(interpolateLab, ['#201f29', '#3a3263', '#5f4da3', '#8c7bd0', '#b9aeea', '#efeafe']),
  greens: piecewise(interpolateLab, ['#1d2420', '#1d4a31', '#23774a', '#4ba673', '#8fd0a8', '#e4fbe9']),
  reds: piecewise(interpolateLab, ['#282020', '#5a2722', '#a3372b', '#dc5b46', '#f59e88', '#ffe9e1']),
  viridis: interpolateViridis,
  cividis: interpolateCividis,
  puOr: piecewise(interpolateLab, [
    '#ded7ff',
    '#9a8be0',
    '#5a4a9c',
    '#26262b',
    '#9c5a14',
    '#ee9a3a',
    '#ffd9a0',
  ]),
  rdBu: piecewise(interpolateLab, [
    '#ffd3c6',
    '#f0795f',
    '#9c3329',
    '#26272b',
    '#26609c',
    '#5fa8e6',
    '#cfe8ff',
  ]),
};

/**
 * The colour of a map at `t`.
 *
 * @param t 0 at the start of the range, 1 at its end; a diverging map is neutral at 0.5
 * @returns `#rrggbb`, which every reader of SVG understands
 */
export function colourAt(map: ColourMap, theme: ThemeName, t: number): string {
  const ramp = theme === 'dark' ? onDark[map] : onLight[map];
  return rgb(ramp(Math.min(1, Math.max(0, t)))).formatHex();
}

/** Relative luminance of a colour, 0 to 1. @see WCAG 2.2, "relative luminance" */
export function luminance(colour: string): number {
  const { r, g, b } = rgb(colour);
  const linear = (channel: number): number => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

/** Contrast ratio of two colours, 1 to 21. @see WCAG 2.2, "contrast ratio" */
export function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((p, q) => p - q);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

/** Black or white, whichever reads better. One of the two always reaches 4.58:1, whatever the ground. */
export function textColourOn(ground: string): '#000000' | '#ffffff' {
  return contrast(ground, '#000000') >= contrast(ground, '#ffffff') ? '#000000' : '#ffffff';
}
