// What is done when a device is lost or full, in which order.

import { expect, test, vi } from 'vitest';
import { DeviceLostError, OutOfMemoryError } from './backends/backend.ts';
import { recovering } from './recovering.ts';

const full = () => new OutOfMemoryError('The GPU has no room for this.');
const lost = () => new DeviceLostError('The GPU device was lost.');

/** Work that fails so, one after another, and then succeeds. */
function failing(...errors: readonly Error[]) {
  const left = [...errors];
  return vi.fn(async () => {
    const error = left.shift();
    if (error) throw error;
    return 'done';
  });
}

test('a lost device is dropped once, and the work is done on another', async () => {
  const reset = vi.fn(async () => undefined);
  expect(await recovering({ reset }, failing(lost()), () => false)).toBe('done');
  expect(reset).toHaveBeenCalledTimes(1);
  await expect(recovering({ reset }, failing(lost(), lost()), () => false)).rejects.toThrow(DeviceLostError);
  expect(reset).toHaveBeenCalledTimes(2);
});

test('a full device is dropped for each thing that is given up, and after the last one too', async () => {
  const reset = vi.fn(async () => undefined);
  let left = 2;
  const giveUp = () => left-- > 0;
  const work = failing(full(), full(), full(), full());
  await expect(recovering({ reset }, work, giveUp)).rejects.toThrow('The GPU has no room for this.');
  expect(work).toHaveBeenCalledTimes(3);
  expect(reset).toHaveBeenCalledTimes(3);
});

test('what goes wrong while a full device is dropped does not stand for that it was full', async () => {
  const reset = async () => {
    throw new Error('It could not be closed.');
  };
  await expect(recovering({ reset }, failing(full()), () => false)).rejects.toThrow(OutOfMemoryError);
});

test('other errors, and who stops meanwhile, are not held up', async () => {
  const reset = vi.fn(async () => undefined);
  const other = new Error('Another.');
  await expect(recovering({ reset }, failing(other), () => true)).rejects.toThrow(other);
  expect(reset).not.toHaveBeenCalled();
  const signal = AbortSignal.abort(new Error('Stopped.'));
  await expect(recovering({ reset, signal }, failing(full()), () => true)).rejects.toThrow('Stopped.');
});
