import { expect, test } from 'vitest';
import type { CellAddress, Pin } from './description.ts';
import { headMap, trace } from './exampleFigures.ts';
import { keyAction } from './gridKeys.ts';
import { togglePin, unpin } from './pins.ts';

const press = (key: string, ctrlKey = false) => ({ key, ctrlKey, metaKey: false, altKey: false });
const moved = (key: string, from: CellAddress, description = trace, ctrlKey = false) => {
  const action = keyAction(press(key, ctrlKey), from, description);
  return action?.kind === 'move' ? [action.to.panel, action.to.location, action.to.layer] : action;
};
const middle = { panel: 1, location: 2, layer: 6 };

test('keys move as in a spreadsheet: tokens down, layers across', () => {
  expect(moved('ArrowUp', middle)).toEqual([1, 1, 6]);
  expect(moved('ArrowDown', middle)).toEqual([1, 3, 6]);
  expect(moved('ArrowLeft', middle)).toEqual([1, 2, 5]);
  expect(moved('ArrowRight', middle)).toEqual([1, 2, 7]);
  expect(moved('Home', middle)).toEqual([1, 2, 0]);
  expect(moved('End', middle)).toEqual([1, 2, 11]);
  expect(moved('Home', middle, trace, true)).toEqual([1, 0, 0]);
  expect(moved('End', middle, trace, true)).toEqual([1, 5, 11]);
  expect(moved('PageUp', middle)).toEqual([1, 2, 1]);
  expect(moved('PageDown', middle)).toEqual([1, 2, 11]);
  expect(moved('[', middle)).toEqual([0, 2, 6]);
  expect(moved(']', middle)).toEqual([2, 2, 6]);
});

test('with layers down, arrows follow the figure and pages still count layers', () => {
  const cell = { panel: 0, location: 1, layer: 0 };
  expect(moved('ArrowDown', cell, headMap)).toEqual([0, 1, 1]);
  expect(moved('ArrowRight', cell, headMap)).toEqual([0, 2, 0]);
  expect(moved('End', cell, headMap)).toEqual([0, 3, 0]);
  expect(moved('PageDown', cell, headMap)).toEqual([0, 1, 5]);
});

test('nothing moves past an edge', () => {
  const corner = { panel: 0, location: 0, layer: 0 };
  for (const key of ['ArrowUp', 'ArrowLeft', 'Home', 'PageUp', '['])
    expect(moved(key, corner)).toEqual([0, 0, 0]);
  const last = { panel: 2, location: 5, layer: 11 };
  for (const key of ['ArrowDown', 'ArrowRight', 'End', 'PageDown', ']'])
    expect(moved(key, last)).toEqual([2, 5, 11]);
});

test('keys of the page and the browser are left to them', () => {
  for (const key of ['Tab', 'm', 't', '?', 'Escape'])
    expect(keyAction(press(key), middle, trace)).toBeUndefined();
  expect(keyAction(press('ArrowLeft', true), middle, trace)).toBeUndefined();
  expect(keyAction({ ...press('ArrowLeft'), altKey: true }, middle, trace)).toBeUndefined();
});

test('Enter and Space pin; Escape unpins while something is pinned', () => {
  expect(keyAction(press('Enter'), middle, trace)).toEqual({ kind: 'pin' });
  expect(keyAction(press(' '), middle, trace)).toEqual({ kind: 'pin' });
  const pinned = { ...trace, pins: [{ letter: 'A', ...middle }] } as const;
  expect(keyAction(press('Escape'), middle, pinned)).toEqual({ kind: 'unpin' });
});

test('four cells can be pinned, each keeps its letter, and a free letter is used again', () => {
  const cells = [0, 1, 2, 3, 4].map((layer) => ({ panel: 0, location: 0, layer }));
  const four = cells.reduce<readonly Pin[]>(togglePin, []);
  expect(four.map(({ letter, layer }) => `${letter}${layer}`)).toEqual(['A0', 'B1', 'C2', 'D3']);
  const three = togglePin(four, { panel: 0, location: 0, layer: 1 });
  expect(three.map(({ letter, layer }) => `${letter}${layer}`)).toEqual(['A0', 'C2', 'D3']);
  const again = togglePin(three, { panel: 0, location: 0, layer: 9 });
  expect(again.map(({ letter, layer }) => `${letter}${layer}`)).toEqual(['A0', 'B9', 'C2', 'D3']);
});

test('unpinning takes the cell if it is pinned, otherwise all', () => {
  const pins = [0, 1]
    .map((layer) => ({ panel: 0, location: 0, layer }))
    .reduce<readonly Pin[]>(togglePin, []);
  expect(unpin(pins, { panel: 0, location: 0, layer: 1 }).map(({ letter }) => letter)).toEqual(['A']);
  expect(unpin(pins, { panel: 2, location: 0, layer: 1 })).toEqual([]);
});
