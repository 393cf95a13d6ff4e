// A run that is stopped between two of its steps.

import { expect, test } from 'vitest';
import { type ModelInUse, runInSteps, type WithModel } from './steps.ts';

const inUse = { source: {}, model: {} } as unknown as ModelInUse; // Nothing of it is used.

/** As the engine takes turns: what was cancelled while it waited is not done, unless it is the last of a run. */
const turnsUnder =
  (signal: AbortSignal): WithModel =>
  async (work, isLast) => {
    if (!isLast) signal.throwIfAborted();
    return work(inUse);
  };

test('a run that is stopped between two steps hands over what it has, and the call ends with the reason', async () => {
  const stop = new AbortController();
  const { signal } = stop;
  let isClosed = false;
  async function* updates(): AsyncGenerator<string, void> {
    try {
      yield 'a step';
      if (signal.aborted) yield 'what there was';
      signal.throwIfAborted();
      yield 'another step';
    } finally {
      isClosed = true;
    }
  }
  const taken: string[] = [];
  const ended = runInSteps<string>(
    turnsUnder(signal),
    async () => updates(),
    (update) => {
      taken.push(update);
      stop.abort(new Error('stopped'));
    },
    signal,
  );
  await expect(ended).rejects.toThrow('stopped');
  expect(taken).toEqual(['a step', 'what there was']);
  expect(isClosed).toBe(true);
});

test('a run that was stopped before it began is not begun', async () => {
  const signal = AbortSignal.abort(new Error('stopped'));
  let begun = 0;
  const begin = async () => {
    begun++;
    return (async function* () {})();
  };
  await expect(runInSteps(turnsUnder(signal), begin, () => {}, signal)).rejects.toThrow('stopped');
  expect(begun).toBe(0);
});
