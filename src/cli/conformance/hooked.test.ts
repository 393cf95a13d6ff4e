// A model that was written out with hooks, in Python's onnxruntime: the numbers of the file it was made from, and of surgery on
// that. Needs Python with onnx and onnxruntime, named by PATCHBAY_PYTHON, and the references beside the repository.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withOnnx } from '../onnxModel.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const references = join(root, '..', 'shared', 'reference', 'onnx');
const python = process.env.PATCHBAY_PYTHON;
const canRun = python !== undefined && existsSync(references);

test.skipIf(!canRun).each([
  ['gpt2', '/m/transformer/h.1/Add_1_output_0'],
  ['cnn', '/stage1/stage1.1/Add_output_0'],
  ['loop', 'xw'],
])(
  '%s with hooks at %s gives the same numbers in Python',
  async (folder, site) => {
    const original = join(references, folder, 'model.onnx');
    const directory = mkdtempSync(join(tmpdir(), 'patchbay-hooked-'));
    try {
      const hooked = join(directory, 'hooked.onnx');
      writeFileSync(
        hooked,
        await withOnnx(original, 'node', { threads: 1 }, (model) => model.exportHooked([site])),
      );
      const script = join(root, 'src', 'imported', 'fixtures', 'hooked.py');
      const found = JSON.parse(
        execFileSync(python ?? '', [script, original, hooked, site], { encoding: 'utf8' }),
      );
      expect(found.outputs).toContain(site);
      expect(found.plain).toBe(0);
      expect(found.edited).toBe(0);
      expect(found.moved).toBeGreaterThan(0.1);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000,
);
