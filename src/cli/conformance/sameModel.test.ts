// One model as a checkpoint of a family and as an ONNX file that Transformers' users export: the same heatmap. Needs Python with
// torch and transformers, named by PATCHBAY_PYTHON, and the references beside the repository.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readExperiment } from '../../experiments/registry.ts';
import { completeExperiment } from '../../experiments/runExperiment.ts';
import { withModel } from '../hostModel.ts';
import { difference } from './compare.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const references = join(root, '..', 'shared', 'reference', 'fixtures');
const python = process.env.PATCHBAY_PYTHON;
const canRun = python !== undefined && existsSync(references);

const experiment = (model: string) => ({
  kind: 'trace',
  version: 1,
  model,
  prompt: [5, 9, 2, 7, 11],
  subject: [1, 3],
  corruption: { kind: 'noise', level: 0.5, samples: 2, seed: 3 },
  streams: [
    { component: 'block_output', window: 1 },
    { component: 'mlp_output', window: 1 },
    { component: 'attention_output', window: 2 },
  ],
});

/** All numbers of a result's cells and baselines, in order. */
function numbersIn(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(numbersIn);
}

async function measured(model: string): Promise<readonly number[]> {
  const read = await readExperiment(experiment(model));
  const result = await withModel(model, 'node', { threads: 1 }, (opened, checkpoint) =>
    completeExperiment(opened, checkpoint, read),
  );
  const { clean, corrupted, streams }: Record<string, unknown> = { ...result };
  return numbersIn([clean, corrupted, streams]);
}

test.skipIf(!canRun).each(['gpt2', 'llama', 'bert'])(
  'the trace of %s is that of its ONNX file',
  async (family) => {
    const directory = mkdtempSync(join(tmpdir(), 'patchbay-same-'));
    try {
      const file = join(directory, 'model.onnx');
      const checkpoint = join(references, family, 'model');
      const script = join(root, 'src', 'imported', 'fixtures', 'exported.py');
      execFileSync(python ?? '', [script, checkpoint, file], { stdio: 'pipe' });
      const [own, imported] = [await measured(checkpoint), await measured(file)];
      expect(own.length).toBeGreaterThan(200);
      // Largest of the errors that two orders of addition make, over a noise that is many times as large.
      expect(difference(imported, own, { relative: 1e-3, absolute: 1e-4 }).absolute).toBeLessThan(1e-4);
      expect(imported.length).toBe(own.length);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  120_000,
);
