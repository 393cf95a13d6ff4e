import { expect, test } from 'vitest';
import { plainNode } from './formulaNodes.ts';
import { splitForGpu } from './gpuSplit.ts';
import type { NormalGraph } from './piece.ts';

const weight = { dtype: 'float32', shape: [1], place: { kind: 'memory', bytes: new Uint8Array(4) } } as const;
const cast = plainNode('Cast', ['mask'], 'float mask');
const less = plainNode('Less', ['float mask', 'one'], 'closed');
const product = plainNode('MatMul', ['state', 'w'], 'h');
const masked = plainNode('Where', ['closed', 'far', 'h'], 'm');
const softmax = plainNode('Softmax', ['m'], 'next');
const nodes = [cast, less, product, masked, softmax];
const graph: NormalGraph = {
  irVersion: 8,
  opsets: new Map(),
  nodes,
  weights: new Map([['w', weight]]),
  inputs: [],
  outputs: ['next'],
  aliases: new Map(),
  left: new Map(),
  fixed: {},
};

const split = (off: readonly (typeof cast)[], given: readonly string[] = ['state']) => {
  const found = splitForGpu(graph, nodes, given, new Set(off));
  return found.kind === 'wasm'
    ? found.node.op
    : [found.before.map(({ op }) => op).join(' '), found.rest.map(({ op }) => op).join(' ')];
};

test('a stage whose nodes all have kernels is the GPU’s whole', () => {
  expect(split([])).toEqual(['', 'Cast Less MatMul Where Softmax']);
});

test('what has none and lies beside the way goes before, with what it reads', () => {
  expect(split([cast])).toEqual(['Cast', 'Less MatMul Where Softmax']);
  expect(split([less])).toEqual(['Cast Less', 'MatMul Where Softmax']);
});

test('what has none and lies behind the state or a product keeps the stage off the GPU', () => {
  expect(split([softmax])).toBe('Softmax');
  expect(split([softmax, cast])).toBe('Softmax');
  expect(split([softmax], [])).toBe('Softmax');
  expect(split([product], [])).toBe('MatMul');
});
