import { expect, test } from 'vitest';
import { createBreather } from './breathe.ts';

test('messages are heard during work that only awaits what is there already', async () => {
  let clock = 0;
  const breathe = createBreather(() => clock);
  const { port1, port2 } = new MessageChannel();
  let isStopped = false;
  port1.onmessage = () => {
    isStopped = true;
  };
  port2.postMessage('stop');
  let steps = 0;
  while (!isStopped && steps < 1000) {
    steps += 1;
    clock += 10;
    await Promise.resolve();
    await breathe();
  }
  port1.close();
  expect(steps).toBeLessThan(1000);
});

test('short pieces of work go on without a pause', async () => {
  const breathe = createBreather(() => 0);
  let hasTurned = false;
  const timer = setTimeout(() => {
    hasTurned = true;
  });
  for (let step = 0; step < 100; step += 1) await breathe();
  clearTimeout(timer);
  expect(hasTurned).toBe(false);
});
