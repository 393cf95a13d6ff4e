import { expect, test } from 'vitest';
import { type BarsDescription, layoutBars } from './bars.ts';
import { plainFigureSvg } from './plainFigure.ts';

const predictions: BarsDescription = {
  title: 'What the model says now',
  metric: { name: 'probability', digits: 2 },
  bars: [
    { label: ' Paris', value: 0.4, isMarked: true },
    { label: ' <New>', value: 0.1 },
    { label: '\n', value: 0 },
  ],
};
const rects = (description: BarsDescription) =>
  layoutBars(description, { width: 300, theme: 'light' }).marks.filter((mark) => mark.kind === 'rect');

test('bars start at zero, reach to the largest value, and stand in proportion', () => {
  // Labels: 6 characters of 0.61 * 12 are 43.92, so bars start at 44 + 12; numbers: 4 are 29.28, so they end at 300 - 30 - 12.
  expect(rects(predictions).map(({ x, width }) => [x, width])).toEqual([
    [56, 202],
    [56, 50.5],
    [56, 0],
  ]);
});

test('negative values go the other way from the same zero', () => {
  const [up, down] = rects({
    ...predictions,
    bars: [
      { label: 'L9H6', value: 3 },
      { label: 'L10H7', value: -1 },
    ],
  });
  expect(down?.x).toBeCloseTo((up?.x ?? 0) - (down?.width ?? 0), 9);
  expect((up?.width ?? 0) / (down?.width ?? 1)).toBeCloseTo(3, 9);
});

test('a tiny value leaves a trace and one that is not finite has no bar', () => {
  const bars = [
    { label: 'a', value: 1 },
    { label: 'b', value: 1e-9 },
    { label: 'c', value: Number.NEGATIVE_INFINITY },
  ];
  expect(rects({ ...predictions, bars }).map(({ width }) => width)).toEqual([expect.any(Number), 1]);
});

test('the summary reads the numbers', () => {
  expect(layoutBars(predictions, { width: 300, theme: 'dark' }).summary).toBe(
    'probability: Paris 0.40, <New> 0.10, line break 0.00.',
  );
});

test('bars are drawn as they were reviewed', async () => {
  const svg = plainFigureSvg(layoutBars(predictions, { width: 300, theme: 'light', padding: 16 }));
  await expect(svg).toMatchFileSnapshot('./__snapshots__/bars-light.svg');
});
