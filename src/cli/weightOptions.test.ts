// Options that say how weights wait and what layers are computed in, where they have no meaning.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { main } from './main.ts';

let complained: string[] = [];
let folder = '';
beforeEach(() => {
  complained = [];
  vi.spyOn(console, 'error').mockImplementation((text: string) => void complained.push(text));
  folder = mkdtempSync(join(tmpdir(), 'patchbay-weights-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

test('how weights wait is not asked of an ONNX file', async () => {
  expect(await main(['predict', 'nowhere.onnx', 'The', '--weights', 'packed'])).toBe(2);
  expect(complained.join('\n')).toContain('--weights is for checkpoints');
});

test('float16 is refused where nothing computes in it: on other backends, of ONNX files, for other kinds', async () => {
  const half = ['--precision', 'f16'];
  for (const backend of ['node', 'wasm']) {
    expect(await main(['predict', 'tiny-atlas', 'The', '--backend', backend, ...half])).toBe(2);
    expect(complained.at(-1)).toContain(
      `--precision f16 is for the backend webgpu; on ${backend} everything is computed in float32.`,
    );
  }
  expect(await main(['predict', 'nowhere.onnx', 'The', '--backend', 'webgpu', ...half])).toBe(2);
  expect(complained.at(-1)).toContain('an ONNX file is computed as its operators say');
  const file = join(import.meta.dirname, '../../examples/align/gender-boundless.json');
  const words = ['run', file, '--out', join(folder, 'half'), '--backend', 'webgpu', ...half];
  expect(await main(words)).toBe(2);
  expect(complained.at(-1)).toContain(
    'Alignment is computed in float32: float16 is for traces, patches and paths. Choose float32 (f32).',
  );
  expect(await main(['predict', 'tiny-atlas', 'The', '--precision', 'f8'])).toBe(2);
  expect(complained.at(-1)).toContain('--precision');
});
