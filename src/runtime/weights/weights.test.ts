import { describe, expect, test, vi } from 'vitest';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { type Plan, replace } from '../plan/plan.ts';
import type { WeightResidency } from './residency.ts';

const tokens = [3, 17, 8, 25, 1, 30, 12];
const site = { component: 'mlp_output', layer: 1 };
const logits = { component: 'logits', layer: null };
const plan: Plan = {
  rows: [
    { start: { kind: 'tokens', tokens }, edits: [] },
    {
      start: { kind: 'fork', parent: 0, layer: 1, position: 2 },
      edits: [
        {
          site,
          location: { positions: [2] },
          fragment: replace,
          source: { kind: 'row', row: 0, site, location: { positions: [4] } },
        },
      ],
    },
  ],
  reads: [0, 1].map((row) => ({ row, site: logits, location: { positions: [6] } })),
};

/** The same numbers in 16 bits each: the upper half of every float32. */
function narrowed(checkpoint: Checkpoint): Checkpoint {
  const tensors = new Map(
    [...checkpoint.tensors].map(([name, info]) => [
      name,
      { ...info, dtype: 'BF16' as const, sizeBytes: info.sizeBytes / 2 },
    ]),
  );
  const read = async (name: string) => {
    const bytes = await checkpoint.read(name);
    return bytes.filter((_, at) => at % 4 >= 2);
  };
  return { ...checkpoint, tensors, read };
}

async function passes(checkpoint: Checkpoint, residency: WeightResidency) {
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend, { residency });
  const loaded = backend.liveTensors;
  const first = await model.run(plan);
  const afterFirst = backend.liveTensors;
  for (let pass = 0; pass < 5; pass++) expect(await model.run(plan)).toEqual(first);
  expect(backend.liveTensors).toBe(afterFirst);
  expect(model.residency).toBe(residency);
  await model.dispose();
  expect(backend.liveTensors).toBe(0);
  await backend.close();
  return { logits: first, loaded, kept: afterFirst - loaded };
}

describe.each(['gpt2', 'llama', 'gpt_neox'] as const)('weights of %s', (family) => {
  test('packed and streamed weights give the logits of expanded ones, bit for bit', async () => {
    for (const checkpoint of [
      tinyCheckpoint(tinyConfigurations[family]),
      narrowed(tinyCheckpoint(tinyConfigurations[family])),
    ]) {
      const expanded = await passes(checkpoint, 'expanded');
      const packed = await passes(checkpoint, 'packed');
      const streamed = await passes(checkpoint, 'streamed');
      expect(packed.logits).toEqual(expanded.logits);
      expect(streamed.logits).toEqual(expanded.logits);
      // Expanded weights stay on the device. Of the others nothing does; the rotary tables are kept in all cases.
      expect(expanded.loaded).toBe(checkpoint.tensors.size);
      expect([packed.loaded, streamed.loaded]).toEqual([0, 0]);
      const tables = family === 'gpt2' ? 0 : 2;
      expect([expanded.kept, packed.kept, streamed.kept]).toEqual([tables, tables, tables]);
    }
  });
});

describe('loading', () => {
  const checkpoint = tinyCheckpoint(tinyConfigurations.llama);
  const bytes = [...checkpoint.tensors.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

  test('where the weights wait follows from the memory that they may take', async () => {
    const half = narrowed(checkpoint);
    for (const [weightBytes, residency] of [
      [bytes, 'expanded'],
      [bytes - 1, 'packed'],
      [bytes / 2, 'packed'],
      [bytes / 2 - 1, 'streamed'],
    ] as const) {
      const backend = createNodeBackend(1);
      const model = await Model.load(half, backend, { weightBytes });
      expect(model.residency).toBe(residency);
      await model.dispose();
      await backend.close();
    }
  });

  test('a longer table that does not fit leaves the shorter one in use', async () => {
    const long = { ...tinyConfigurations.llama, max_position_embeddings: 128 };
    const backend = createNodeBackend(1);
    const model = await Model.load(tinyCheckpoint(long), backend);
    const first = await model.run(plan);
    const plainUpload = backend.upload.bind(backend);
    const prompt = Array.from({ length: 100 }, () => 3);
    const rows = [{ start: { kind: 'tokens' as const, tokens: prompt }, edits: [] }];
    const read = { row: 0, site, location: { positions: [99] } };
    const upload = vi.spyOn(backend, 'upload').mockImplementation((data, shape) => {
      if (shape[0] === 128) throw new Error('The device is full.');
      return plainUpload(data, shape);
    });
    await expect(model.run({ rows, reads: [read] })).rejects.toThrow('The device is full.');
    upload.mockRestore();
    expect(await model.run(plan)).toEqual(first);
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  });

  test('progress counts the bytes of the checkpoint to a constant total', async () => {
    const backend = createNodeBackend(1);
    const seen: [number, number][] = [];
    const model = await Model.load(checkpoint, backend, {
      onBytes: (done, total) => seen.push([done, total]),
    });
    expect(new Set(seen.map(([, total]) => total))).toEqual(new Set([bytes]));
    expect(seen[0]).toEqual([0, bytes]);
    expect(seen.at(-1)).toEqual([bytes, bytes]);
    expect(seen.every(([done], at) => at === 0 || done > (seen[at - 1]?.[0] ?? 0))).toBe(true);
    await model.dispose();
    await backend.close();
  });

  test('an abort while loading leaves nothing, and the next load works', async () => {
    for (const residency of ['expanded', 'packed'] as const) {
      const backend = createNodeBackend(1);
      const controller = new AbortController();
      const stopped = Model.load(checkpoint, backend, {
        residency,
        signal: controller.signal,
        onBytes: (done) => done > bytes / 2 && controller.abort(),
      });
      await expect(stopped).rejects.toThrow('abort');
      expect(backend.liveTensors).toBe(0);
      const model = await Model.load(checkpoint, backend, { residency });
      expect((await model.run(plan)).length).toBe(2);
      await model.dispose();
      await backend.close();
    }
  });

  test('a tensor that cannot be read leaves nothing, neither while loading nor while streaming', async () => {
    let isBroken = true;
    const breaking: Checkpoint = {
      ...checkpoint,
      read: async (name, signal) => {
        if (isBroken && name.includes('layers.1.mlp.up_proj')) throw new Error(`'${name}' ends early.`);
        return checkpoint.read(name, signal);
      },
    };
    const backend = createNodeBackend(1);
    await expect(Model.load(breaking, backend)).rejects.toThrow('ends early');
    expect(backend.liveTensors).toBe(0);
    const model = await Model.load(breaking, backend, { residency: 'streamed' });
    await expect(model.run(plan)).rejects.toThrow('ends early');
    // The two rotary tables may stay for the next run.
    expect(backend.liveTensors).toBe(2);
    isBroken = false;
    expect((await model.run(plan)).length).toBe(2);
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  });
});
