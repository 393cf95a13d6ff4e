// Models without a tokenizer.json, in the library.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { expectedTokenizers } from '../checkpoint/expected/smallTokenizers.ts';
import { committedRoot } from '../cli/conformance/expectedFolders.ts';
import { BackendError, CheckpointError, IntervenableModel, type LoadedModel, loadModel } from './patchbay.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-'));
  cpSync(join(committedRoot, 'gpt2-inner', 'model'), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

async function opened(use: (loaded: LoadedModel) => Promise<void>): Promise<void> {
  const loaded = await loadModel(folder);
  try {
    await use(loaded);
  } finally {
    await loaded.dispose();
  }
}

test('a model without a tokenizer opens, runs token ids, and refuses text with what is missing', () =>
  opened(async ({ model, tokenizer }) => {
    expect(tokenizer.tokenText(5)).toBe('#5');
    expect(() => tokenizer.encode('the')).toThrow(CheckpointError);
    const patch = new IntervenableModel({ layer: 0, component: 'block_output' }, model, { tokenizer });
    const call = { sources: [[5, 3, 3]], unitLocations: { 'sources->base': 1 } };
    const { intervenedOutputs } = await patch.run({ base: [5, 17, 3], ...call });
    expect(intervenedOutputs.logits.length).toBe(1);
    await expect(patch.run({ base: 'the dog is', ...call })).rejects.toThrow(
      /'tokenizer.json' is missing .* or give token ids/,
    );
  }));

test('vocab.json and merges.txt are a tokenizer', async () => {
  const [gpt2] = expectedTokenizers().folders;
  if (!gpt2) throw new Error('no such folder');
  writeFileSync(join(folder, 'vocab.json'), JSON.stringify(gpt2.vocab));
  writeFileSync(join(folder, 'merges.txt'), gpt2.merges);
  await opened(async ({ tokenizer }) => {
    expect(gpt2.texts.map((text) => tokenizer.encode(text))).toEqual(gpt2.ids);
  });
});

test('a model is closed again where the backend cannot be opened', async () => {
  const opening = await import('../checkpoint/openNode.ts');
  const node = await import('../runtime/backends/optionalNodeBackend.ts');
  let isClosed = false;
  const { openModel } = opening;
  vi.spyOn(opening, 'openModel').mockImplementation(async (source) => {
    const checkpoint = await openModel(source);
    return {
      ...checkpoint,
      close: async () => {
        isClosed = true;
        await checkpoint.close();
      },
    };
  });
  vi.spyOn(node, 'openNodeBackend').mockRejectedValue(new BackendError('no backend'));
  try {
    await expect(loadModel(folder)).rejects.toThrow(BackendError);
    expect(isClosed).toBe(true);
  } finally {
    vi.restoreAllMocks();
  }
});

test('a model that reads pictures makes its numbers of a file, and another says that it reads none', async () => {
  const file = new Uint8Array(readFileSync(new URL('../media/expected/wide.png', import.meta.url)));
  const gpt2 = await loadModel(folder, { threads: 1 });
  await expect(gpt2.pixelValues(file)).rejects.toThrow('A gpt2 model reads no picture.');
  await gpt2.dispose();
  cpSync(join(committedRoot, 'blip-wide', 'model'), folder, { recursive: true });
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify({ size: 12, resample: 3 }));
  const blip = await loadModel(folder, { threads: 1 });
  const pixelValues = await blip.pixelValues(file);
  expect(pixelValues).toHaveLength(3 * 12 * 12);
  const intervenable = new IntervenableModel(
    { layer: 0, component: 'block_output', intervention_type: 'ZeroIntervention' },
    blip.model,
  );
  const { intervenedOutputs } = await intervenable.run({ base: { pixelValues, inputIds: [[2, 5, 9]] } });
  expect(intervenedOutputs.logits[0]?.shape).toEqual([3, 29]);
  await blip.dispose();
});
