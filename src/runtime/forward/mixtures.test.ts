// Mixtures of experts in their two forms: where nobody looks at what experts put out, each is given the tokens that chose it.

import { expect, test } from 'vitest';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../backends/wasmBackendOnNode.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import type { Edit, Read } from '../plan/plan.ts';
import { replace } from '../plan/plan.ts';

const { llama } = tinyConfigurations;
const mixtral = { ...llama, model_type: 'mixtral', num_local_experts: 5, num_experts_per_tok: 2 };
const qwen = {
  ...llama,
  model_type: 'qwen3_moe',
  num_experts: 6,
  num_experts_per_tok: 3,
  moe_intermediate_size: 8,
  norm_topk_prob: false,
};
const backends = { node: async () => createNodeBackend(1), wasm: () => createWasmBackendOnNode(1) };

const outputs: Read = { row: 0, site: { component: 'mlp_output', layer: 1 }, location: { positions: 'all' } };
const experts: Read = { ...outputs, site: { component: 'expert_output', layer: 1 } };
const scores: Read = { ...outputs, site: { component: 'router_output', layer: 1 } };

const floats = (data: Float32Array | Int32Array | undefined): number[] => [...(data ?? [])];

function largestGap(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN))));
}

test.each([
  ['mixtral', mixtral, 'node'],
  ['mixtral', mixtral, 'wasm'],
  ['qwen3_moe', qwen, 'node'],
] as const)(
  '%s adds up the outputs of its best experts by their shares, for one token and for many',
  async (_, config, kind) => {
    const backend = await backends[kind]();
    const model = await Model.load(tinyCheckpoint(config), backend);
    const width = model.architecture.width;
    const count = 'num_experts' in config ? config.num_experts : config.num_local_experts;
    for (const tokens of [[3], [3, 17, 8, 25, 1, 30, 12]]) {
      const rows = [{ start: { kind: 'tokens' as const, tokens }, edits: [] }];
      const [chosenOnly] = await model.run({ rows, reads: [outputs] });
      const [all, each, routed] = await model.run({ rows, reads: [outputs, experts, scores] });
      const said = floats(each?.value?.data);
      const wanted = tokens.flatMap((_token, at) => {
        const own = floats(routed?.value?.data).slice(at * count, (at + 1) * count);
        const sum = own.reduce((total, score) => total + Math.exp(score), 0);
        const best = own
          .map((score, expert) => ({ expert, share: Math.exp(score) / sum }))
          .sort((a, b) => b.share - a.share)
          .slice(0, config.num_experts_per_tok);
        const whole = 'norm_topk_prob' in config ? 1 : best.reduce((total, { share }) => total + share, 0);
        return Array.from({ length: width }, (_entry, i) =>
          best.reduce(
            (total, { expert, share }) =>
              total + (share / whole) * (said[(at * count + expert) * width + i] ?? Number.NaN),
            0,
          ),
        );
      });
      expect(Math.max(...wanted.map(Math.abs))).toBeGreaterThan(0.01);
      expect(largestGap(floats(chosenOnly?.value?.data), wanted)).toBeLessThan(2e-6);
      expect(largestGap(floats(all?.value?.data), wanted)).toBeLessThan(2e-6);
    }
    await model.dispose();
    await backend.close();
  },
);

test('of experts with the same score the first are chosen in both forms', async () => {
  const backend = createNodeBackend(1);
  const model = await Model.load(tinyCheckpoint(mixtral), backend);
  const tokens = [3, 17, 8];
  const level: Edit = {
    site: { component: 'router_output', layer: 1 },
    location: { positions: 'all' },
    fragment: replace,
    source: { kind: 'tensor', data: new Float32Array(5 * tokens.length) },
  };
  const rows = [{ start: { kind: 'tokens' as const, tokens }, edits: [level] }];
  const [chosenOnly] = await model.run({ rows, reads: [outputs] });
  const [all, each] = await model.run({ rows, reads: [outputs, experts] });
  const said = floats(each?.value?.data);
  const width = model.architecture.width;
  const half = tokens.flatMap((_, at) =>
    Array.from(
      { length: width },
      (_entry, i) => ((said[at * 5 * width + i] ?? 0) + (said[(at * 5 + 1) * width + i] ?? 0)) / 2,
    ),
  );
  expect(largestGap(floats(chosenOnly?.value?.data), half)).toBeLessThan(2e-6);
  expect(largestGap(floats(all?.value?.data), half)).toBeLessThan(2e-6);
  await model.dispose();
  await backend.close();
});
