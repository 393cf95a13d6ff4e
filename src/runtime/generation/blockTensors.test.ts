// Steps of a model whose weights stay packed, against steps of the same weights expanded.

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { add } from '../../onnx/elementwise.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../backends/wasmBackendOnNode.ts';
import { inBlocks } from '../fixtures/randomBlocks.ts';
import { tinyCheckpoint } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import type { WeightResidency } from '../weights/residency.ts';
import type { GenerationRow } from './request.ts';

/** Rows of whole blocks of 256. */
const llama = {
  model_type: 'llama',
  hidden_size: 256,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 512,
  max_position_embeddings: 32,
  vocab_size: 31,
  tie_word_embeddings: true,
} as const;
/** Multiplies the other way round, but for the head. */
const gpt2 = { model_type: 'gpt2', n_embd: 32, n_layer: 2, n_head: 4, n_positions: 24, vocab_size: 31 };

const shift = Float32Array.from({ length: 256 }, (_, at) => Math.sin(at));
const rows = (width: number): readonly GenerationRow[] => [
  { tokens: [3, 17, 8], edits: [] },
  {
    tokens: [5, 9, 21, 2, 14],
    edits: [
      {
        site: { component: 'block_output', layer: 0 },
        at: { prompt: 'all', steps: 'all' },
        fragment: {
          key: 'added',
          parameters: {},
          build: ({ base, source }) => (source ? add(base, source) : base),
        },
        source: { kind: 'vector', data: shift.slice(0, width) },
      },
    ],
  },
];

/** Logits of three steps of both rows, and the largest float32 tensor that a step uploaded. */
async function steps(
  backend: Backend,
  checkpoint: Parameters<typeof Model.load>[0],
  residency: WeightResidency,
) {
  const model = await Model.load(checkpoint, backend, { residency });
  const { decoder } = await model.decode(rows(model.architecture.width));
  const upload = vi.spyOn(backend, 'upload');
  const logits: number[] = [];
  for (const token of [1, 7, 30]) {
    const found = await decoder.step(new Map([0, 1].map((row) => [row, token])));
    for (const row of [0, 1]) logits.push(...(found.get(row) ?? []));
  }
  const floats = upload.mock.calls.flatMap(([data]) => (data instanceof Float32Array ? [data.length] : []));
  upload.mockRestore();
  decoder.dispose();
  await model.dispose();
  expect([backend.liveTensors, backend.livePrograms]).toEqual([0, 0]);
  return { logits, largest: Math.max(0, ...floats) };
}

/** To the tolerance of reference results: 1e-4 of a number, or 1e-5. */
function expectNear(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.1);
  const apart = found.filter((value, at) => {
    const wanted = expected[at] ?? Number.NaN;
    return !(Math.abs(value - wanted) <= 1e-5 + 1e-4 * Math.abs(wanted));
  });
  expect(apart).toEqual([]);
}

let node: Backend;
beforeAll(() => {
  node = createNodeBackend(1);
});
afterAll(() => node.close());

test.each(['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K'] as const)(
  'a step on Node multiplies by the codes of %s, and expands no matrix',
  async (dtype) => {
    const checkpoint = inBlocks(tinyCheckpoint(llama), dtype);
    const expanded = await steps(node, checkpoint, 'expanded');
    const packed = await steps(node, checkpoint, 'packed');
    expectNear(packed.logits, expanded.logits);
    // Norms, the edit's vector and tables of positions are all that is brought in.
    expect(packed.largest).toBeLessThan(256 * 31);
  },
);

test('what is multiplied the other way round is expanded for a step', async () => {
  const checkpoint = inBlocks(tinyCheckpoint(gpt2), 'Q8_0');
  const expanded = await steps(node, checkpoint, 'expanded');
  const packed = await steps(node, checkpoint, 'packed');
  expectNear(packed.logits, expanded.logits);
  expect(packed.largest).toBe(4 * 32 * 32);
});

test('WASM, which would expand the codes for each product, is given expanded matrices', async () => {
  const wasm = await createWasmBackendOnNode(1);
  const checkpoint = inBlocks(tinyCheckpoint(llama), 'Q4_1');
  const expanded = await steps(wasm, checkpoint, 'expanded');
  const packed = await steps(wasm, checkpoint, 'packed');
  expectNear(packed.logits, expanded.logits);
  expect(packed.largest).toBe(256 * 512);
  await wasm.close();
});
