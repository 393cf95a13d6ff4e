import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { openModel } from '../checkpoint/openNode.ts';
import { openDiskFile } from '../checkpoint/sources/disk.ts';
import { nextLogits, topCandidates } from '../experiments/predict.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { Model } from '../runtime/model.ts';
import { type CaseResult, runCases } from './conformance/cases.ts';
import { tolerances } from './conformance/compare.ts';
import { openReference, type Reference } from './conformance/reference.ts';

// A real language model is too large to keep here: see CONTRIBUTING for where it comes from.
const root = join(import.meta.dirname, '..', '..');
const cache = join(root, '.cache', 'smollm2');
const cached = existsSync(cache) ? readdirSync(cache).find((name) => name.endsWith('.gguf')) : undefined;
const path = process.env.PATCHBAY_SMOLLM2 ?? (cached && join(cache, cached));
const results = join(root, '..', 'shared', 'reference', 'smollm2');
const missing =
  path === undefined
    ? 'no SmolLM2 GGUF in .cache/smollm2'
    : existsSync(results)
      ? ''
      : 'no reference results beside the repository';

describe.skipIf(missing !== '')(`SmolLM2${missing && ` (skipped: ${missing})`}`, () => {
  let backend: Backend;
  let checkpoint: Checkpoint;
  let model: Model;
  let reference: Reference;
  beforeAll(async () => {
    backend = createNodeBackend(2);
    checkpoint = await openModel(path ?? '');
    model = await Model.load(checkpoint, backend);
    const tensors = await openDiskFile(join(results, 'tensors.safetensors'));
    if (!tensors) throw new Error('no tensors.safetensors');
    reference = await openReference('smollm2', readFileSync(join(results, 'cases.json'), 'utf8'), tensors);
  });
  afterAll(async () => {
    await model.dispose();
    await checkpoint.close();
    expect(backend.liveTensors).toBe(0);
  });

  test('has the reference’s tokens and, at the last position, its logits', async () => {
    const tokenizer = await checkpoint.tokenizer();
    const ids = tokenizer.encode('The Eiffel Tower is located in the city of');
    expect(ids).toEqual([...(await reference.tensor('eiffel.ids')).data]);
    const expected = (await reference.tensor('eiffel.logits')).data;
    const found = await nextLogits(model, ids);
    const gap = found.reduce(
      (most, logit, id) => Math.max(most, Math.abs(logit - (expected[id] ?? Number.NaN))),
      0,
    );
    expect(gap).toBeLessThan(1e-3);
    const [best] = topCandidates(found, 1);
    expect(tokenizer.tokenText(best?.id ?? 0)).toBe(' Paris');
    expect(best?.probability).toBeCloseTo(0.7, 2);
  });

  test('patched by position and by head, gives the reference’s logit differences in every cell', async () => {
    const differences: (number | undefined)[] = [];
    for (const kind of ['patch', 'patch_heads'])
      for await (const found of runCases(model, reference, { tolerance: tolerances.node, kind })) {
        expect(found).toMatchObject({ status: 'passed' });
        differences.push(found.difference?.absolute);
      }
    expect(differences).toHaveLength(2);
    for (const difference of differences) expect(difference).toBeLessThan(1e-3);
  });

  test('steered, says what the reference says, to the token', async () => {
    const results: CaseResult[] = [];
    const options = { tolerance: tolerances.node, kind: 'steer' };
    for await (const result of runCases(model, reference, options)) results.push(result);
    expect(results).toMatchObject([{ label: 'steer hot', status: 'passed' }]);
  });

  test('attributes the name that is given to what PyTorch attributes it to', async () => {
    const results: CaseResult[] = [];
    const options = { tolerance: tolerances.node, kind: 'attribution' };
    for await (const result of runCases(model, reference, options)) results.push(result);
    expect(results).toMatchObject([{ label: 'attribution ioi', status: 'passed' }]);
  });

  test('gives the same logits when its weights stay packed', async () => {
    const packed = await Model.load(checkpoint, backend, { residency: 'packed' });
    const ids = [504, 216, 22];
    expect(await nextLogits(packed, ids)).toEqual(await nextLogits(model, ids));
    await packed.dispose();
  });
});
