import { lab } from 'd3';
import { describe, expect, test } from 'vitest';
import { colourAt, colourMaps, contrast, isDiverging, luminance, textColourOn } from './colour.ts';
import { themes } from './theme.ts';

const steps = Array.from({ length: 101 }, (_, i) => i / 100);
const everyMap = colourMaps.flatMap((map) => (['light', 'dark'] as const).map((theme) => ({ map, theme })));

test('luminance and contrast are those of WCAG', () => {
  expect(luminance('#ffffff')).toBe(1);
  // 0.2126 * ((128 / 255 + 0.055) / 1.055) ** 2.4
  expect(luminance('#800000')).toBeCloseTo(0.0459, 4);
  expect(contrast('#000000', '#ffffff')).toBe(21);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

describe.each(everyMap)('$map on $theme', ({ map, theme }) => {
  test('a value printed on any of its colours has a contrast of at least 4.5', () => {
    const least = Math.min(
      ...steps.map((t) => contrast(colourAt(map, theme, t), textColourOn(colourAt(map, theme, t)))),
    );
    expect(least).toBeGreaterThanOrEqual(4.5);
  });

  test('lightness goes one way, from the middle if it diverges', () => {
    const lightness = steps.map((t) => lab(colourAt(map, theme, t)).l);
    const isMonotone = (some: readonly number[]): boolean => {
      const sign = Math.sign((some.at(-1) ?? 0) - (some[0] ?? 0));
      // Half a step: colours are rounded to eight bits a channel.
      return some.slice(1).every((value, i) => sign * (value - (some[i] ?? 0)) > -0.5);
    };
    const parts = isDiverging(map) ? [lightness.slice(0, 51), lightness.slice(50)] : [lightness];
    expect(parts.map(isMonotone)).toEqual(parts.map(() => true));
  });
});

test('the neutral colour of a diverging map has no hue', () => {
  for (const map of ['puOr', 'rdBu'] as const) {
    for (const theme of ['light', 'dark'] as const) {
      const { a, b } = lab(colourAt(map, theme, 0.5));
      expect(Math.hypot(a, b)).toBeLessThan(4);
    }
  }
});

test('more of a diverging metric is blue or orange, less is red or purple', () => {
  for (const theme of ['light', 'dark'] as const) {
    expect(lab(colourAt('rdBu', theme, 0.85)).b).toBeLessThan(-10);
    expect(lab(colourAt('rdBu', theme, 0.15)).a).toBeGreaterThan(10);
    expect(lab(colourAt('puOr', theme, 0.85)).b).toBeGreaterThan(10);
    expect(lab(colourAt('puOr', theme, 0.15)).b).toBeLessThan(-10);
  }
});

test('small text is readable on every paper', () => {
  for (const theme of Object.values(themes)) {
    expect(contrast(theme.quietInk, theme.paper)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(theme.ink, theme.paper)).toBeGreaterThanOrEqual(7);
    expect(contrast(theme.accent, theme.paper)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(theme.frame, theme.paper)).toBeGreaterThanOrEqual(1.5);
  }
});

test('lines stand out from every paper, and the four that are told apart from the quiet one', () => {
  for (const { lines, quietLine, paper } of Object.values(themes)) {
    expect(contrast(quietLine, paper)).toBeGreaterThanOrEqual(3);
    for (const ink of lines) {
      expect(contrast(ink, paper)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(ink, quietLine)).toBeGreaterThanOrEqual(1.4);
    }
  }
});
