// When what is read leaves the device.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import type { ExecuteOptions } from './execute.ts';

const tokens = [3, 1, 4, 1];
const rows = [0, 1, 2].map((first) => ({
  start: { kind: 'tokens' as const, tokens: [first, ...tokens.slice(1)] },
  edits: [],
}));
const plan = {
  rows,
  reads: rows.flatMap((_, row) =>
    [0, 1].map((layer) => ({
      row,
      site: { component: 'block_output', layer },
      location: { positions: [3] },
    })),
  ),
};

let inner: Backend;
beforeAll(() => {
  inner = createNodeBackend(1);
});
afterAll(() => inner?.close());

/** A device that every row enters alone. @returns how many tensors were asked for at once, each time that it was waited for */
async function waitsOf(readTogetherBytes: number, options: ExecuteOptions = {}): Promise<readonly number[]> {
  const waits: number[] = [];
  let answer: Promise<unknown> | undefined;
  const read: Backend['read'] = async (tensor) => {
    if (!answer) waits.push(0);
    answer ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
      answer = undefined;
    });
    waits.push((waits.pop() ?? 0) + 1);
    await answer;
    return inner.read(tensor);
  };
  const changed: Readonly<Record<PropertyKey, unknown>> = {
    batchTokens: tokens.length,
    readTogetherBytes,
    read,
  };
  const backend = new Proxy(inner, {
    get: (target, key) => {
      if (Object.hasOwn(changed, key)) return changed[key];
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  const whole = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), inner);
  const held = inner.liveTensors;
  expect(await model.run(plan, options)).toEqual(await whole.run(plan));
  expect(inner.liveTensors).toBe(held);
  await model.dispose();
  await whole.dispose();
  return waits;
}

test('what all batches of all layers read leaves together at the end', async () => {
  expect(await waitsOf(2 ** 20)).toEqual([6]);
});

test('for whoever looks on it leaves after each layer', async () => {
  const seen: number[] = [];
  expect(await waitsOf(2 ** 20, { onRead: (index) => seen.push(index) })).toEqual([3, 3]);
  expect(seen).toEqual([0, 2, 4, 1, 3, 5]);
});

test('it leaves before it takes more memory than it may', async () => {
  // A read is the output of a layer at a position.
  const bytes = 4 * tinyConfigurations.gpt2.n_embd;
  expect(await waitsOf(bytes)).toEqual([2, 2, 2]);
});

test('where nothing is waited for it leaves at once', async () => {
  expect(await waitsOf(0)).toEqual([1, 1, 1, 1, 1, 1]);
});
