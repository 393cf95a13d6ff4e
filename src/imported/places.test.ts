// Where positions lie in tensors, and which entries a place has.

import { expect, test } from 'vitest';
import { plainNode } from './formulaNodes.ts';
import type { NormalGraph } from './piece.ts';
import { checkedAxes, editedPlace, entriesOfPlace, placeRange, positionAxes } from './places.ts';

const graphOf = (nodes: NormalGraph['nodes'], inputRank: number): NormalGraph => ({
  irVersion: 8,
  opsets: new Map([['', 17]]),
  nodes,
  weights: new Map(),
  inputs: [
    {
      name: 'x',
      dtype: 'float32',
      typeName: 'float32',
      shape: Array.from({ length: inputRank }, () => undefined),
    },
  ],
  outputs: [],
  aliases: new Map(),
  left: new Map(),
  fixed: {},
});

const tensors = (facts: Readonly<Record<string, readonly [readonly number[], readonly (string | null)[]]>>) =>
  new Map(Object.entries(facts).map(([name, [shape, roles]]) => [name, { shape, roles }]));

test('positions lie along the axis that grows with something else than the batch', () => {
  const graph = graphOf([], 2);
  const axes = (roles: readonly (string | null)[]) =>
    positionAxes(graph, tensors({ t: [roles.map(() => 4), roles] }), 't');
  expect(axes(['batch', 'sequence', null])).toEqual([1]);
  expect(axes(['batch*sequence', null])).toEqual([0]);
  expect(axes(['batch', null, 'sequence', 'sequence'])).toEqual([2]);
  expect(axes(['batch', null, 'height', 'width'])).toEqual([2, 3]);
  expect(axes(['batch', null])).toEqual([]);
  expect(axes(['batch', null, null])).toEqual([1]);
  expect(axes(['batch', '0.25*width', null])).toEqual([1]);
});

test('what lies as the picture does has two axes, and a reshaped one has not', () => {
  const nodes = [
    plainNode('Conv', ['x', 'w'], 'map'),
    plainNode('Relu', ['map'], 'act'),
    plainNode('Reshape', ['act', 'shape'], 'heads'),
    plainNode('Softmax', ['heads'], 'pattern'),
    plainNode('Add', ['act', 'pattern'], 'sum'),
  ];
  const graph = graphOf(nodes, 4);
  const four = [
    [1, 8, 6, 6],
    [null, null, null, null],
  ] as const;
  const all = tensors({ map: four, act: four, heads: four, pattern: four, sum: four });
  expect(positionAxes(graph, all, 'act')).toEqual([2, 3]);
  expect(positionAxes(graph, all, 'sum')).toEqual([2, 3]);
  expect(positionAxes(graph, all, 'pattern')).toEqual([2]);
});

test('places part an axis as evenly as whole numbers are', () => {
  expect([0, 1, 2].map((at) => placeRange(at, 3, 8))).toEqual([
    [0, 2],
    [2, 5],
    [5, 8],
  ]);
});

test('a place of two axes is a patch, over all channels', () => {
  const grid = { axes: [2, 3] as const, shape: [1, 2, 4, 6], counts: [2, 3] };
  // The second row of patches, the last column: rows 2 and 3, columns 4 and 5, of both channels.
  expect([...entriesOfPlace(grid, 5)]).toEqual([16, 17, 22, 23, 40, 41, 46, 47]);
  expect(editedPlace(grid, 5).entries).toEqual(entriesOfPlace(grid, 5));
});

test('a place of one axis is some of its indices, and of none the whole', () => {
  const grid = { axes: [1] as const, shape: [1, 5, 2], counts: [2] };
  expect(editedPlace(grid, 1)).toEqual({ places: { axis: 1, indices: [2, 3, 4] } });
  expect([...entriesOfPlace(grid, 0)]).toEqual([0, 1, 2, 3]);
  expect(editedPlace({ axes: [], shape: [1, 2], counts: [] }, 0)).toEqual({});
});

test('axes that a tensor has not, or in no order, are refused', () => {
  expect(() => checkedAxes('t', [3], 3)).toThrow("'t' has 3 axes, 0 to 2; there is no axis 3.");
  expect(() => checkedAxes('t', [2, 1], 3)).toThrow('lie along one axis or two in their order; 2, 1 are not');
  expect(checkedAxes('t', [], 3)).toEqual([]);
});

const inputGraph = (shape: readonly (number | string)[], nodes: NormalGraph['nodes']): NormalGraph => ({
  ...graphOf(nodes, 4),
  inputs: [{ name: 'x', dtype: 'float32', typeName: 'float32', shape }],
});

test('a picture whose colours come last lies along its first two axes until it is turned', () => {
  const graph = inputGraph(
    ['n', 4, 6, 3],
    [plainNode('Sub', ['x', 'mean'], 'less'), plainNode('Transpose', ['less'], 'turned')],
  );
  const facts: [readonly number[], readonly null[]] = [
    [1, 4, 6, 3],
    [null, null, null, null],
  ];
  const all = tensors({ x: facts, less: facts, turned: facts });
  expect(positionAxes(graph, all, 'x')).toEqual([1, 2]);
  expect(positionAxes(graph, all, 'less')).toEqual([1, 2]);
  expect(positionAxes(graph, all, 'turned')).toEqual([2]);
});

test('a mask over pairs of tokens and kept keys are no pictures, and one channel that a convolution reads is one', () => {
  const four: [readonly number[], readonly (string | null)[]] = [
    [1, 1, 5, 5],
    ['batch', null, 'sequence', 'sequence'],
  ];
  const scores = [plainNode('Add', ['scores', 'x'], 'masked'), plainNode('Softmax', ['masked'], 'pattern')];
  const masked = inputGraph(['n', 1, 's', 's'], scores);
  const all = tensors({ x: four, scores: four, masked: four, pattern: four });
  for (const name of ['x', 'masked', 'pattern']) expect(positionAxes(masked, all, name)).toEqual([2]);
  const grey = inputGraph(['n', 1, 's', 's'], [plainNode('Conv', ['x', 'w'], 'map')]);
  expect(positionAxes(grey, tensors({ x: four }), 'x')).toEqual([2, 3]);
});
