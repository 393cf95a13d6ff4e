import { expect, test } from 'vitest';
import type { ImportedStructure } from '../../imported/describe.ts';
import { segmentGraph, segmentsOf } from './segment.ts';

const row = (name: string) => ({ name, dtype: 'float32', axes: '[1]' });
const structure: ImportedStructure = {
  inputs: [
    { ...row('mask'), use: 'companion' },
    { ...row('x'), use: 'numbers' },
  ],
  outputs: [row('y')],
  stacks: [],
  chain: ['h'],
  chains: [{ from: 'x', to: 'y', tensors: ['h'], blocks: [] }],
  aliases: [],
  left: [],
  tensors: [row('h'), row('a'), row('s'), row('y')],
  nodes: [
    { op: 'MatMul', inputs: ['x'], outputs: ['h'] },
    { op: 'Split', inputs: ['h'], outputs: ['a', 's'] },
    { op: 'Where', inputs: ['mask', 'a', 's'], outputs: ['masked'] },
    { op: 'Add', inputs: ['h', 'masked'], outputs: ['y'] },
  ],
};

test('a model is parted at its chain, from its own input to its output', () => {
  expect(segmentsOf(structure, structure.chains[0])).toEqual([
    { from: 'x', to: 'h' },
    { from: 'h', to: 'y' },
  ]);
});

test('what lies between two tensors is drawn, with what comes in from elsewhere', () => {
  const graph = segmentGraph(structure, { from: 'h', to: 'y' });
  expect(graph?.map(({ id, label }) => `${id}: ${label}`)).toEqual([
    'h: h',
    'mask: mask',
    'a: Split',
    'masked: Where',
    'y: Add',
    'to y: y',
  ]);
  expect(graph?.find(({ id }) => id === 'masked')?.reads).toEqual([
    { node: 'mask', edge: 'mask' },
    { node: 'a', edge: 'a' },
    { node: 'a', edge: 's' },
  ]);
  expect(segmentGraph(structure, { from: 'h', to: 'x' })).toBe(undefined);
});
