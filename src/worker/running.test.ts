// Experiments of any kind in the worker, that of a kind which the program has never seen among them.

import { expect, test, vi } from 'vitest';
import { smallGguf } from '../checkpoint/expected/smallFiles.ts';
import { toyKind } from '../experiments/fixtures/toyKind.ts';
import { traceKind } from '../experiments/trace/kind.ts';
import { OutOfMemoryError } from '../runtime/backends/backend.ts';
import { createEngine } from './engine.ts';
import { losingDevice } from './losingDevice.ts';

vi.mock('../experiments/registry.ts', async (original) => {
  const { registryOf } = await original<typeof import('../experiments/registry.ts')>();
  return registryOf({
    trace: async () => traceKind,
    toy: async () => toyKind,
  });
});

/** @param losesAfter graphs after which the first device is lost, or has no room */
async function engineOn(losesAfter?: number, why?: () => Error) {
  const { chosen, opened, runs } = losingDevice(losesAfter, why);
  const engine = createEngine(chosen);
  const files = [new File([new Uint8Array(smallGguf('llama'))], 'llama.gguf')];
  await engine.loadModel({ kind: 'files', files });
  return { engine, opened, runs };
}

const toy = toyKind.read({ kind: 'toy', version: 1, model: 'llama', prompts: [[1, 2], [3], [4, 5, 6]] });
const trace = traceKind.read({
  kind: 'trace',
  version: 1,
  model: 'llama',
  prompt: [1, 9, 4, 2, 7],
  subject: [1, 3],
  corruption: { kind: 'noise', level: 0.5, samples: 30 },
});

test('a new kind is estimated, run, and goes on from what it has', async () => {
  const { engine } = await engineOn();
  const { units, count } = await engine.estimate(toy);
  expect([count, units]).toEqual([3, ['prompt 1', 'prompt 2', 'prompt 3']]);
  const growth = toyKind.growth();
  const onUpdate = growth.take;
  await engine.run(toy, { onUpdate, leaveOut: ['prompt 2'] });
  const partial = growth.result;
  expect(partial?.probabilities.map((p) => p !== null)).toEqual([true, false, true]);
  const again = toyKind.growth();
  await engine.run(toy, { onUpdate: again.take, ...(partial ? { earlier: partial } : {}) });
  const alone = await engine.run(toy, { onUpdate }).then(() => growth.result);
  expect(again.result).toEqual(alone);
});

test('a lost device costs the batch that was running: the result is the same, and is begun once', async () => {
  const whole = await engineOn();
  const undisturbed = traceKind.growth();
  await whole.engine.run(trace, { onUpdate: undisturbed.take });
  const { engine, opened } = await engineOn(Math.round(0.7 * whole.runs()));
  const growth = traceKind.growth();
  const kinds: string[] = [];
  const seen: number[] = [];
  await engine.run(trace, {
    onUpdate: (update) => {
      kinds.push(Object(update.change).kind);
      growth.take(update);
    },
    onProgress: ({ done, stage }) => {
      // The model is read again in between.
      if (stage === 'Tracing') seen.push(done);
    },
  });
  expect(opened).toHaveLength(2);
  expect(growth.result).toEqual(undisturbed.result);
  expect(kinds.filter((kind) => kind === 'started')).toHaveLength(1);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});

test('a device that has no room is asked for less: what had arrived stays, and the result says what was given up', async () => {
  const whole = await engineOn();
  const undisturbed = traceKind.growth();
  await whole.engine.run(trace, { onUpdate: undisturbed.take });
  const full = () => new OutOfMemoryError('The GPU has no room for this.');
  const { engine, opened } = await engineOn(Math.round(0.7 * whole.runs()), full);
  const growth = traceKind.growth();
  const before: unknown[] = [];
  await engine.run(trace, {
    onUpdate: (update) => {
      growth.take(structuredClone(update));
      if (opened.length === 1) before.push(update);
    },
  });
  expect(opened).toHaveLength(2);
  expect(before.length).toBeGreaterThan(1);
  const text =
    "The GPU's memory ran out, so batches hold a quarter of what they would: it takes longer, and last digits may differ.";
  const said = { code: 'less-memory', text };
  const { notices = [], ...found } = growth.result ?? {};
  expect(notices).toEqual([...(undisturbed.result?.notices ?? []), said]);
  const { notices: _, ...wanted } = undisturbed.result ?? {};
  // Batches of a quarter add up in another order.
  const rounded = (value: unknown) =>
    JSON.stringify(value, (__, each) => (typeof each === 'number' ? Number(each.toFixed(4)) : each));
  expect(rounded(found)).toBe(rounded(wanted));
  // What goes on with it keeps the notice, on a device that has room.
  const later = traceKind.growth();
  const earlier = growth.result;
  await whole.engine.run(trace, { onUpdate: later.take, ...(earlier ? { earlier } : {}) });
  expect(later.result?.notices).toContainEqual(said);
});

test('what is not known is refused with a sentence before anything runs', async () => {
  const { engine, runs } = await engineOn();
  const before = runs();
  await expect(engine.run({ ...toy, kind: 'tow' })).rejects.toThrow("Did you mean 'toy'?");
  await expect(engine.run(toy, { leaveOut: ['prompt 9'] })).rejects.toThrow(
    "The experiment has no unit 'prompt 9'. Its units are 'prompt 1', 'prompt 2', 'prompt 3'.",
  );
  await expect(engine.estimate({ ...toy, version: 2 })).rejects.toThrow('Use a newer Patchbay.');
  expect(runs()).toBe(before);
});
