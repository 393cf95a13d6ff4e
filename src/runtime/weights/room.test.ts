// In which order a device that has no room is asked for less, and what smaller batches change.

import { expect, test } from 'vitest';
import { OutOfMemoryError } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { lessRoom, type Room, wholeRoom } from './room.ts';

const full = new OutOfMemoryError('The GPU has no room for this.');

/** All steps down of a model that never has room. @param starts where its weights wait at first */
function steps(starts: Model['residency'], isLoaded: boolean): readonly Room[] {
  const taken: Room[] = [];
  let room: Room | undefined = wholeRoom;
  for (;;) {
    const residency: Model['residency'] = room.residency ?? starts;
    const error = new OutOfMemoryError('The GPU has no room for this.', residency);
    room = lessRoom(room, error, isLoaded ? { residency } : undefined);
    if (!room) return taken;
    taken.push(room);
  }
}

const brief = ({ batchShare, residency }: Room) => [batchShare, residency];

test('a model that runs asks for smaller batches, then for packed weights, then for streamed ones, then for nothing', () => {
  const taken = steps('expanded', true);
  expect(taken.map(brief)).toEqual([
    [1 / 4, undefined],
    [1 / 16, undefined],
    [1 / 16, 'packed'],
    [1 / 16, 'streamed'],
  ]);
  expect(taken.at(-1)?.notices).toHaveLength(4);
  expect(steps('packed', true).map(brief)).toEqual([
    [1 / 4, undefined],
    [1 / 16, undefined],
    [1 / 16, 'streamed'],
  ]);
});

test('weights that have no room wait elsewhere, whatever the batches', () => {
  expect(steps('expanded', false).map(brief)).toEqual([
    [1, 'packed'],
    [1, 'streamed'],
  ]);
  expect(steps('streamed', false)).toEqual([]);
  expect(lessRoom(wholeRoom, full)?.residency).toBe('packed');
});

test('a plan in batches of a sixteenth gives the numbers of whole ones, in more runs', async () => {
  const rows = Array.from({ length: 40 }, (_, row) => ({
    start: {
      kind: 'tokens' as const,
      tokens: Array.from({ length: 20 }, (__, at) => (row * 7 + at * 3) % 31),
    },
    edits: [],
  }));
  const reads = rows.map((_, row) => ({
    row,
    site: { component: 'logits', layer: null },
    location: { positions: [19] },
  }));
  const numbersOf = async (room: Room) => {
    const backend = createNodeBackend(1);
    let runs = 0;
    const compile = backend.compile.bind(backend);
    backend.compile = async (graph) => {
      const program = await compile(graph);
      return {
        ...program,
        run: (inputs) => {
          runs += 1;
          return program.run(inputs);
        },
      };
    };
    const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend, { room });
    const results = await model.run({ rows, reads });
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
    return { runs, numbers: results.flatMap(({ value }) => [...(value?.data ?? [])]) };
  };
  const whole = await numbersOf(wholeRoom);
  const small = await numbersOf({ ...wholeRoom, batchShare: 1 / 16 });
  expect(small.runs).toBeGreaterThan(4 * whole.runs);
  expect(small.numbers).toHaveLength(whole.numbers.length);
  small.numbers.forEach((number, at) => {
    expect(Math.abs(number - (whole.numbers[at] ?? Number.NaN))).toBeLessThan(1e-5);
  });
});

test('a file whose graphs are its own has nothing to give up', () => {
  expect(lessRoom(wholeRoom, full, { residency: 'packed', isImported: true })).toBeUndefined();
});
