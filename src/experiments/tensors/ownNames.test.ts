import { expect, test } from 'vitest';
import { ownOf, ownTensors } from './ownNames.ts';

const names = new Set([
  '/h.0/Add',
  '/h.1/Add',
  '/h.2/Add',
  '/h.0/l.0/Mul',
  '/h.1/l.1/Mul',
  'plain',
  'add_0',
  'add_7',
]);
const exists = (name: string) => names.has(name);

test('a layer is counted from 0 until a tensor is missing', () => {
  expect(ownTensors('/h.{layer}/Add', exists)).toEqual(['/h.0/Add', '/h.1/Add', '/h.2/Add']);
  expect(ownTensors('/h.{layer}/l.{layer}/Mul', exists)).toEqual(['/h.0/l.0/Mul', '/h.1/l.1/Mul']);
  expect(ownTensors('/g.{layer}/Add', exists)).toEqual([]);
  expect(ownTensors('plain', exists)).toEqual(['plain']);
  expect(ownTensors('none', exists)).toEqual([]);
});

test('tensors that are counted alike are written as one name, others as a list', () => {
  expect(ownOf(['/h.0/Add', '/h.1/Add', '/h.2/Add'], exists)).toBe('/h.{layer}/Add');
  // There is a third, which one name would take in.
  expect(ownOf(['/h.0/Add', '/h.1/Add'], exists)).toEqual(['/h.0/Add', '/h.1/Add']);
  expect(ownOf(['add_0', 'add_7'], exists)).toEqual(['add_0', 'add_7']);
  expect(ownOf(['plain'], exists)).toBe('plain');
});
