// The library's examples on the embedded model, against what pyvene computes in the same tutorials. In Chromium they run
// in src/cli/browser.

import { fileURLToPath } from 'node:url';
import { loadModel } from 'patchbay';
import { expect, test } from 'vitest';
import { runAll } from '../../examples/library/all.ts';
import { apart, expected } from '../../examples/library/expected.ts';

const folder = fileURLToPath(new URL('../../models/tiny-atlas', import.meta.url));

test.each(['node', 'wasm'] as const)('the tutorials give the numbers of pyvene on %s', async (backend) => {
  const loaded = await loadModel(folder, { backend });
  const { nested, subspace, added } = await runAll(loaded, expected.words);
  await loaded.dispose();
  for (const component of ['head_attention_value_output', 'head_value_output'] as const)
    expect(apart(nested[component], expected.nested[component]), component).toBeLessThan(1e-4);
  expect(apart(subspace, expected.subspace)).toBeLessThan(1e-4);
  expect(apart(added, expected.added)).toBeLessThan(1e-4);
});

test('what a platform has not is refused with what it has', async () => {
  await expect(loadModel(folder, { backend: 'wasm', device: 1 })).rejects.toThrow(
    "'device' is for the backend 'webgpu'; on 'wasm' leave it out.",
  );
  await expect(loadModel([])).rejects.toThrow('on Node, name a folder or a .gguf file.');
});
