import { expect, test } from 'vitest';
import { layoutOverlay, type OverlayDescription } from './overlay.ts';

const description: OverlayDescription = {
  heatmap: {
    title: 'A title',
    metric: { name: 'a metric', shortName: 'metric' },
    samples: 1,
    startsFrom: 'corrupted',
    baselines: { clean: 1, corrupted: 0 },
    panels: [{ title: 'Map', colours: 'purples', values: [[0.5], [1]] }],
    locations: { kind: 'named', names: ['0, 0', '0, 1'] },
    layers: [0],
  },
  across: 2,
  down: 1,
  firstLocation: 0,
  marked: [],
};

const sidesOf = (aspect: number | undefined, width = 700) => {
  const own = aspect === undefined ? description : { ...description, aspect };
  const frame = layoutOverlay(own, { width, theme: 'light' }).marks.find(
    (mark) => mark.kind === 'rect' && mark.fill === 'none',
  );
  return frame?.kind === 'rect' ? [frame.width, frame.height] : [];
};

test('the squares lie on a picture of the sides that the model reads', () => {
  expect(sidesOf(undefined)).toEqual([150, 150]);
  // Of the same area: 150 times and by the root of four.
  expect(sidesOf(4)).toEqual([300, 75]);
  expect(sidesOf(0.25)).toEqual([75, 300]);
  expect(sidesOf(4, 200)).toEqual([200, 50]);
  // A band of one row is not drawn a thousand times as wide as high.
  expect(sidesOf(1000)).toEqual([424, 53]);
});

test('what is measured stands above the bar of colours where there is no room beside it', () => {
  const { heatmap } = description;
  const metric = { ...heatmap.metric, name: 'mean squared difference of logits' };
  const placeOf = (width: number) => {
    const { marks } = layoutOverlay(
      { ...description, heatmap: { ...heatmap, metric } },
      { width, theme: 'light' },
    );
    const text = marks.find((mark) => mark.kind === 'text' && mark.runs[0]?.text.startsWith('mean'));
    return text?.kind === 'text' ? text.x : Number.NaN;
  };
  expect(placeOf(700)).toBe(232);
  expect(placeOf(300)).toBe(0);
});
