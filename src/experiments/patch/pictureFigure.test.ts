// Which sweeps are laid over the picture: those whose columns are its parts, each once and in its place.

import { expect, test } from 'vitest';
import type { Samples } from '../metrics.ts';
import { patchFigures } from './figure.ts';
import { pictureFigures } from './pictureFigure.ts';
import { readPatchResult } from './result.ts';

const samples = (value: number): Samples => ({
  answerLogit: [value],
  logSumExp: [20],
  rank: [1],
  divergence: [0.5],
  topIds: [[7]],
  topLogits: [[value]],
});
const corner = { text: 'row 1, column 2', positions: [2] };

/** A sweep of one layer over a picture of a row of two squares; the cell of column k is as far back as k says. */
function sweepOf(positions: readonly number[], last = corner) {
  const result = readPatchResult({
    ...{ kind: 'patch-result', version: 2, direction: 'restore', layerCount: 1, notices: [] },
    experiment: {
      ...{ kind: 'patch', version: 1, model: 'tiny', sweeps: [{ component: 'block_output' }] },
      pairs: [{ clean: '', image: { name: 'a.png' }, corruptedImage: { name: 'b.png' } }],
    },
    model: { label: 'tiny', modelType: 'vit', parameterCount: 1 },
    backend: { kind: 'node', description: '1 thread' },
    pairs: [{ clean: [], corrupted: [], answer: { id: 7, text: 'cat' } }],
    input: {
      kind: 'image',
      columns: [{ text: 'class', positions: [0] }, { text: 'row 1, column 1', positions: [1] }, last],
      corrupted: [2],
      grid: { across: 2, down: 1 },
    },
    clean: samples(18),
    corrupted: samples(10),
    panels: [
      {
        ...{ component: 'block_output', by: 'position', window: 1, isOfInput: true, positions },
        cells: positions.map((position) => samples(10 + position)),
      },
    ],
  });
  return pictureFigures(result, patchFigures(result, { metric: 'logProbability' }));
}

test('a sweep of every part in order lies over the picture, and what is corrupted of it is marked', () => {
  const [figure, ...more] = sweepOf([0, 1, 2]);
  expect(more).toEqual([]);
  expect(figure?.description).toMatchObject({ across: 2, down: 1, firstLocation: 1, marked: [false, true] });
  // From 10 as corrupted to 18 as clean.
  expect(figure?.description.heatmap.panels[0]?.values).toEqual([[0], [0.125], [0.25]]);
});

test.each([[[0, 2, 1]], [[2, 1, 0]], [[0, 1, 1]], [[0, 0, 2]], [[1, 2]], [[0, 1, 2, 2]]])(
  'a sweep of the columns %j lies over no picture',
  (positions) => {
    expect(sweepOf(positions)).toEqual([]);
  },
);

test('parts that are called the same lie over no picture', () => {
  const twin = { text: 'row 1, column 1', positions: [3] };
  expect(sweepOf([0, 2, 1], twin)).toEqual([]);
  expect(sweepOf([0, 1, 2], twin)).toEqual([]);
});
