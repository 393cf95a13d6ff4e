// A GPU that does not answer, by a clock that a test moves.

import { expect, test } from 'vitest';
import { BackendError } from './backend.ts';
import { type Clock, GpuWatch, usualPatienceMs } from './gpuWatch.ts';

interface HandClock extends Clock {
  readonly move: (ms: number) => void;
  readonly waiting: () => number;
}

function handClock(): HandClock {
  let now = 0;
  let timers: readonly { readonly at: number; readonly then: () => void }[] = [];
  return {
    after: (ms, then) => {
      const timer = { at: now + ms, then };
      timers = [...timers, timer];
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    move: (ms) => {
      const until = now + ms;
      for (;;) {
        const [next] = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (!next) break;
        now = next.at;
        timers = timers.filter((each) => each !== next);
        next.then();
      }
      now = until;
    },
    waiting: () => timers.length,
  };
}

function watched({ isSoftware = false, patienceMs }: { isSoftware?: boolean; patienceMs?: number } = {}) {
  const clock = handClock();
  const heard: string[] = [];
  let stop = () => undefined as unknown;
  let destroyed = 0;
  const watch = new GpuWatch(
    {
      clock,
      ...(patienceMs === undefined ? {} : { patienceMs }),
      onSilence: (sentence, stops) => {
        heard.push(sentence);
        stop = stops;
      },
    },
    isSoftware,
    () => {
      destroyed += 1;
    },
  );
  return { clock, heard, watch, stop: () => stop(), destroyed: () => destroyed };
}

test('silence is said after half a minute, again after as long as before, and waiting goes on', async () => {
  const { clock, heard, watch, destroyed } = watched();
  let answer = (_: string) => undefined as unknown;
  const waiting = watch.watch('to give a result', new Promise<string>((resolve) => (answer = resolve)));
  clock.move(29_999);
  expect(heard).toEqual([]);
  clock.move(1);
  expect(heard).toEqual([
    'The GPU has not answered for 30 s (it is to give a result). The work may be that large, or its driver hangs: go on waiting, or stop.',
  ]);
  clock.move(90_000);
  expect(heard.map((each) => /for (\d+) s/.exec(each)?.[1])).toEqual(['30', '60', '120']);
  answer('late, and right');
  expect(await waiting).toBe('late, and right');
  expect(destroyed()).toBe(0);
  expect(clock.waiting()).toBe(0);
});

test('software is waited for ten times as long before anything is said', async () => {
  const { clock, heard, watch } = watched({ isSoftware: true });
  const waiting = watch.watch('to run a graph', new Promise(() => undefined));
  clock.move(usualPatienceMs(true) - 1);
  expect(heard).toEqual([]);
  clock.move(1);
  expect(heard).toHaveLength(1);
  void waiting;
});

test('each piece of work has the whole patience', async () => {
  const { clock, heard, watch } = watched({ patienceMs: 1000 });
  for (let piece = 0; piece < 5; piece++) {
    const work = watch.watch('to run a graph', Promise.resolve(piece));
    clock.move(999);
    expect(await work).toBe(piece);
  }
  expect(heard).toEqual([]);
});

test('what is stopped gives the device up, and fails with a sentence though it never answers', async () => {
  const { clock, watch, stop, destroyed } = watched();
  const waiting = watch.watch('to give a result', new Promise(() => undefined));
  const failed = expect(waiting).rejects.toThrow(
    'The GPU was given up after it had not answered for 30 s (it was to give a result). Load the model again to go on',
  );
  clock.move(30_000);
  stop();
  expect(destroyed()).toBe(1);
  clock.move(1000);
  await failed;
  await expect(waiting).rejects.toThrow(BackendError);
  expect(clock.waiting()).toBe(0);
});

test('nobody is told of work that fails, or where nobody listens', async () => {
  const { clock, heard, watch } = watched();
  const work = watch.watch('to run a graph', Promise.reject(new Error('It failed.')));
  await expect(work).rejects.toThrow('It failed.');
  clock.move(100_000);
  expect(heard).toEqual([]);
  const silent = new GpuWatch(undefined, false, () => undefined);
  expect(await silent.watch('to run a graph', Promise.resolve(1))).toBe(1);
});

test('who stops after it has answered stops nothing: the device stays', async () => {
  const { clock, watch, stop, destroyed } = watched();
  let answer = (_: string) => undefined as unknown;
  const waiting = watch.watch('to give a result', new Promise<string>((resolve) => (answer = resolve)));
  clock.move(30_000);
  answer('late, and right');
  expect(await waiting).toBe('late, and right');
  stop();
  clock.move(10_000);
  expect(destroyed()).toBe(0);
  expect(clock.waiting()).toBe(0);
});
