// Which graphics adapter is taken. What Dawn does with it is tested in a process of its own (src/cli/webgpu.test.ts).

import { expect, test } from 'vitest';
import { choiceNote, chosenDevice, type GraphicsDevice } from './dawn.ts';
import { isSoftwareAdapter } from './softwareAdapters.ts';

const device = (number: number, name: string): GraphicsDevice => ({
  number,
  name,
  api: 'vulkan',
  isSoftware: isSoftwareAdapter(name),
});
const large = device(1, 'NVIDIA H100 80GB HBM3');
const small = device(2, 'Intel(R) UHD Graphics 630');
const software = device(3, 'SwiftShader Device (LLVM 16.0.0)');

test('of several adapters the first is taken, and another by its number', () => {
  expect(chosenDevice([large, small, software])).toBe(large);
  expect(chosenDevice([large, small, software], 2)).toBe(small);
  expect(() => chosenDevice([large, small], 3)).toThrow(
    'There is no graphics adapter 3. Those here: 1 (NVIDIA H100 80GB HBM3), 2 (Intel(R) UHD Graphics 630).',
  );
});

test('of a GPU beside an integrated one it is said which is used, and how the other is named', () => {
  expect(choiceNote([large, small, software])).toBe(
    'There are 2 GPUs here: 1 (NVIDIA H100 80GB HBM3), 2 (Intel(R) UHD Graphics 630). NVIDIA H100 80GB HBM3 is used; name another by --device.',
  );
  expect(choiceNote([large, software])).toBeUndefined();
  expect(choiceNote([software])).toBeUndefined();
  expect(choiceNote([])).toBeUndefined();
});

test('software is taken by its number alone', () => {
  expect(chosenDevice([software, small])).toBe(small);
  expect(chosenDevice([large, software], 3)).toBe(software);
  expect(() => chosenDevice([software])).toThrow(
    "WebGPU found only software here, which is slower than the backends 'node' and 'wasm': 3 (SwiftShader Device (LLVM 16.0.0)).",
  );
});

test('without an adapter the remedy is named', () => {
  expect(() => chosenDevice([])).toThrow(
    /^WebGPU found no graphics adapter on this machine\. Install .*driver.*, or choose the backend 'node' or 'wasm'\.$/,
  );
  expect(() => chosenDevice([], 1)).toThrow('WebGPU found no graphics adapter on this machine.');
});
