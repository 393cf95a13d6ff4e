import { expect, test } from 'vitest';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import type { Plan } from '../plan/plan.ts';
import { createNodeBackend } from './nodeBackend.ts';
import { Turns } from './turns.ts';
import { createWasmBackendOnNode } from './wasmBackendOnNode.ts';

test('work is done in the order of asking, also after work that failed', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const slow = turns.take(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    log.push('first');
    throw new Error('failed');
  });
  const quick = turns.take(async () => log.push('second'));
  await expect(slow).rejects.toThrow('failed');
  await quick;
  expect(log).toEqual(['first', 'second']);
});

const backends = { node: async () => createNodeBackend(1), wasm: () => createWasmBackendOnNode(1) };

test.each(['node', 'wasm'] as const)(
  'calls that overlap on %s give what they give one by one',
  async (kind) => {
    const backend = await backends[kind]();
    // Rotary: the table of positions grows with the longest prompt.
    const models = [
      await Model.load(tinyCheckpoint(tinyConfigurations.llama), backend),
      await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend),
    ];
    const plan = (length: number): Plan => ({
      rows: [{ start: { kind: 'tokens', tokens: Array.from({ length }, (_, i) => i + 1) }, edits: [] }],
      reads: [{ row: 0, site: { component: 'logits', layer: null }, location: { positions: 'all' } }],
    });
    const calls = models.flatMap((model) => [3, 9, 5].map((length) => () => model.run(plan(length))));
    const together = await Promise.all(calls.map((call) => call()));
    for (const [index, call] of calls.entries()) expect(await call()).toEqual(together[index]);
    for (const model of models) await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  },
);
