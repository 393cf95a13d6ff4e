import { expect, test } from 'vitest';
import { type GraphNode, layoutGraph } from './layeredGraph.ts';

const node = (id: string, ...reads: readonly string[]): GraphNode => ({
  id,
  label: id,
  reads: reads.map((from) => ({ node: from, edge: `${from} out` })),
});

/** A residual block: a and b side by side between x and sum, which reads x as well. */
const block = [
  node('x'),
  node('a', 'x'),
  node('b', 'x'),
  node('product', 'a', 'b'),
  node('sum', 'x', 'product'),
];

test('what is computed later stands lower, and no two boxes overlap', () => {
  const { boxes, width, height } = layoutGraph(block);
  const y = (id: string) => boxes.find((box) => box.id === id)?.y ?? Number.NaN;
  expect(y('a')).toBe(y('b'));
  expect([y('x') < y('a'), y('a') < y('product'), y('product') < y('sum')]).toEqual([true, true, true]);
  for (const one of boxes) {
    expect(one.x).toBeGreaterThanOrEqual(0);
    expect(one.x + one.width).toBeLessThanOrEqual(width);
    expect(one.y + one.height).toBeLessThanOrEqual(height);
    for (const other of boxes)
      if (one !== other && one.y === other.y)
        expect(one.x + one.width <= other.x || other.x + other.width <= one.x).toBe(true);
  }
});

test('every read is an edge from box to box, and what no node is, is none', () => {
  const { edges } = layoutGraph([...block, node('end', 'sum', 'a weight')]);
  expect(edges.map(({ from, to }) => `${from}-${to}`)).toEqual([
    ...['x-a', 'x-b', 'a-product', 'b-product', 'x-sum', 'product-sum', 'sum-end'],
  ]);
  expect(edges[0]?.edge).toBe('x out');
});

test('neighbours stand above each other where crossing edges would else be drawn', () => {
  const crossed = [node('p'), node('q'), node('of q', 'q'), node('of p', 'p'), node('both', 'of q', 'of p')];
  const { boxes } = layoutGraph(crossed);
  const x = (id: string) => boxes.find((box) => box.id === id)?.x ?? Number.NaN;
  expect(x('p') < x('q')).toBe(x('of p') < x('of q'));
});

test('a source stands just above what reads it first', () => {
  const { boxes } = layoutGraph([
    node('x'),
    node('a', 'x'),
    node('b', 'a'),
    node('mask'),
    node('c', 'b', 'mask'),
  ]);
  const y = (id: string) => boxes.find((box) => box.id === id)?.y;
  expect(y('mask')).toBe(y('b'));
});

test('a graph of nothing is of no boxes', () => {
  expect(layoutGraph([])).toMatchObject({ boxes: [], edges: [] });
});
