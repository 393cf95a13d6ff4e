import { afterEach, beforeEach, expect, test } from 'vitest';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import type { Backend, Program } from './backend.ts';
import { createNodeBackend } from './nodeBackend.ts';
import { Programs } from './programs.ts';

/** A program that only says that it was released. */
const counted = (released: string[], name: string) => async (): Promise<Program> => ({
  run: async () => ({}),
  dispose: async () => {
    released.push(name);
  },
});

test('what was not used for longest is released, between runs only', async () => {
  const programs = new Programs(2);
  const released: string[] = [];
  const get = (name: string) => programs.get(name, counted(released, name));
  for (const name of ['a', 'b', 'c']) await get(name);
  await get('a');
  // A run may hold all that it has asked for.
  expect([programs.size, released]).toEqual([3, []]);
  await programs.trim();
  expect([programs.size, released]).toEqual([2, ['b']]);
  await programs.dispose();
  expect([programs.size, released]).toEqual([0, ['b', 'c', 'a']]);
});

test('of programs that hold weights those not used for longest go when together they hold too much', async () => {
  const programs = new Programs(10, 250);
  const released: string[] = [];
  const get = (name: string, bytes = 0) => programs.get(name, counted(released, name), bytes);
  await get('small');
  for (const name of ['a', 'b', 'c']) await get(name, 100);
  await get('a', 100);
  await programs.trim();
  expect(released).toEqual(['b']);
  // What comes again counts anew.
  await get('b', 100);
  await programs.trim();
  expect([programs.size, released]).toEqual([3, ['b', 'c']]);
  await programs.dispose();
});

test('a graph that could not be compiled is tried again', async () => {
  const programs = new Programs();
  const failing = () => Promise.reject(new Error('no memory'));
  await expect(programs.get('a', failing)).rejects.toThrow('no memory');
  const released: string[] = [];
  await programs.get('a', counted(released, 'a'));
  await programs.dispose();
  expect(released).toEqual(['a']);
});

let backend: Backend;
beforeEach(() => {
  backend = createNodeBackend(1);
});
afterEach(() => backend.close());

test('many ways of looking at a model keep a bounded number of programs, and a model takes its own with it', async () => {
  const tokens = [3, 17, 8];
  const models = [tinyCheckpoint(tinyConfigurations.gpt2), tinyCheckpoint(tinyConfigurations.llama)];
  for (const checkpoint of models) {
    const model = await Model.load(checkpoint, backend);
    const components = model.architecture.components.filter(({ scope }) => scope === 'layer');
    const pairs = components.flatMap((a) => components.map((b) => [a, b] as const));
    for (const pair of pairs) {
      await model.run({
        rows: [{ start: { kind: 'tokens', tokens }, edits: [] }],
        reads: pair.map(({ name }, layer) => ({
          row: 0,
          site: { component: name, layer },
          location: { positions: [2] },
        })),
      });
    }
    // A run makes three programs at most beyond the limit before the next one trims them.
    expect(backend.livePrograms).toBeLessThanOrEqual(192 + 3);
    await model.dispose();
    expect(backend.livePrograms).toBe(0);
  }
});
