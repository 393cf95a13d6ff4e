// Layers in float16: which weights are given so, how far the numbers are from float32, and who is refused. On the processor
// float16 is imitated; on WebGPU it is computed where Dawn finds an adapter with 'shader-f16', which SwiftShader has not.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeArchitecture } from '../architectures/registry.ts';
import type { ModelConfiguration } from '../checkpoint/checkpoint.ts';
import { sub } from '../onnx/elementwise.ts';
import type { Backend } from './backends/backend.ts';
import { createNodeBackend } from './backends/nodeBackend.ts';
import { dawnDevice, openDawnBackend } from './fixtures/dawnBackend.ts';
import { halfOnNode } from './fixtures/halfOnNode.ts';
import { tinyCheckpoint, tinyConfigurations } from './fixtures/tinyCheckpoint.ts';
import { halfTensors } from './forward/halfTensors.ts';
import { Model } from './model.ts';
import type { Plan } from './plan/plan.ts';
import { halfProblem } from './weights/halfSupport.ts';

const mamba = {
  model_type: 'mamba',
  hidden_size: 16,
  num_hidden_layers: 2,
  state_size: 4,
  vocab_size: 31,
} as const satisfies ModelConfiguration;
const t5 = {
  model_type: 't5',
  d_model: 16,
  d_kv: 4,
  d_ff: 24,
  num_layers: 2,
  num_heads: 4,
  vocab_size: 31,
  decoder_start_token_id: 0,
  eos_token_id: 1,
} as const satisfies ModelConfiguration;

const halfOf = (config: ModelConfiguration) =>
  [...halfTensors(describeArchitecture(config, new Set()))].sort();
const perLayer = (names: readonly string[], path: string): readonly string[] =>
  names.filter((name) => name.startsWith(path)).map((name) => name.slice(path.length));

describe('what may wait in float16', () => {
  test('of Llama the seven matrices of each layer, and neither norms nor the tables of tokens', () => {
    const names = halfOf(tinyConfigurations.llama);
    expect(names.length).toBe(3 * 7);
    expect(perLayer(names, 'model.layers.1.')).toEqual(
      ['mlp.down_proj', 'mlp.gate_proj', 'mlp.up_proj']
        .concat(['k_proj', 'o_proj', 'q_proj', 'v_proj'].map((name) => `self_attn.${name}`))
        .map((name) => `${name}.weight`),
    );
  });

  test('of GPT-2 the four matrices of each layer with their biases', () => {
    const names = halfOf(tinyConfigurations.gpt2);
    expect(names.length).toBe(3 * 8);
    const own = names.filter((name) => name.includes('h.0.')).map((name) => name.replace(/^.*h\.0\./, ''));
    expect(own).toEqual(
      ['attn.c_attn', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj'].flatMap((name) => [
        `${name}.bias`,
        `${name}.weight`,
      ]),
    );
  });

  test('of Mamba the projections, and neither the decay nor the convolution', () => {
    const own = perLayer(halfOf(mamba), 'backbone.layers.0.mixer.');
    expect(own.filter((name) => !/^(in_proj|x_proj|dt_proj|out_proj)\./.test(name))).toEqual([]);
    expect(own).toContain('in_proj.weight');
    expect(own).toContain('out_proj.weight');
  });

  test('of T5 the matrices of both stacks, and not the table of position biases', () => {
    const names = halfOf(t5);
    expect(names.some((name) => name.includes('relative_attention_bias'))).toBe(false);
    // Four of attention and two of the MLP in an encoder's layer; four more in a decoder's.
    expect(names.length).toBe(2 * 6 + 2 * 10);
  });
});

/** A row, one that forks from it at a layer and a position under an edit, and reads of a state and of both predictions. */
const plan: Plan = {
  rows: [
    { start: { kind: 'tokens', tokens: [3, 17, 8, 25, 1] }, edits: [] },
    {
      start: { kind: 'fork', parent: 0, layer: 1, position: 2 },
      edits: [
        {
          site: { component: 'block_output', layer: 1 },
          location: { positions: [2] },
          fragment: { key: 'zero', parameters: {}, build: ({ base }) => sub(base, base) },
        },
      ],
    },
  ],
  reads: [
    { row: 0, site: { component: 'block_output', layer: 1 }, location: { positions: [3] } },
    ...[0, 1].map((row) => ({
      row,
      site: { component: 'logits', layer: null },
      location: { positions: [4] },
    })),
  ],
};

const configurations = Object.entries({ ...tinyConfigurations, mamba });

async function readsOf(model: Model): Promise<readonly Float32Array[]> {
  const results = await model.run(plan);
  return results.map(({ value }) => {
    if (!(value?.data instanceof Float32Array)) throw new Error('A read has no numbers.');
    return value.data;
  });
}

/** For each read, the largest difference by the largest number. */
const relative = (own: readonly Float32Array[], exact: readonly Float32Array[]): readonly number[] =>
  exact.map((numbers, read) => {
    const most = numbers.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
    return (
      numbers.reduce(
        (largest, x, at) => Math.max(largest, Math.abs(x - (own[read]?.[at] ?? Number.NaN))),
        0,
      ) / most
    );
  });

/** Runs the plan in both precisions. */
async function bothOf(
  config: ModelConfiguration,
  backend: Backend,
  residency: 'expanded' | 'packed' | 'streamed',
) {
  const checkpoint = tinyCheckpoint(config);
  const half = await Model.load(checkpoint, backend, { precision: 'float16', residency });
  const inHalf = await readsOf(half);
  const held = backend.liveBytes;
  const full = half.inFull();
  const inFull = await readsOf(full);
  await full.dispose();
  // The tables of a rotation are its own while it runs.
  expect(backend.liveBytes).toBe(held);
  await half.dispose();
  expect(backend.liveTensors).toBe(0);
  return { inHalf, inFull, held };
}

const device = await dawnDevice();

/** One for all tests: Dawn does not take it well when devices come and go in a process that ends soon. */
const there = 'number' in device ? await openDawnBackend(device.number) : undefined;
afterAll(() => there?.close());

/** Why layers cannot be computed in float16 on WebGPU here; undefined where they can. */
const hindrance = 'reason' in device ? device.reason : there && halfProblem(there);

/** Eleven bits, rounded some dozens of times one after another. */
const near = 0.05;

/** What holds wherever layers are computed in float16. */
function holds(open: () => Backend): void {
  let backend: Backend;
  beforeAll(() => {
    backend = open();
  });

  test.each(configurations)(
    '%s gives nearly the numbers of float32, and not the same ones',
    async (_, config) => {
      const { inHalf, inFull } = await bothOf(config, backend, 'expanded');
      const found = relative(inHalf, inFull);
      expect(found.length).toBe(3);
      for (const each of found) {
        expect(each).toBeGreaterThan(1e-6);
        expect(each).toBeLessThan(near);
      }
    },
  );

  test('the numbers of float32 beside it are those of a model in float32, bit for bit', async () => {
    const { inFull } = await bothOf(tinyConfigurations.llama, backend, 'expanded');
    const model = await Model.load(tinyCheckpoint(tinyConfigurations.llama), backend);
    expect(await readsOf(model)).toEqual(inFull);
    await model.dispose();
  });

  test('weights that are expanded when they are needed give the same numbers as those that wait', async () => {
    const expanded = await bothOf(tinyConfigurations.llama, backend, 'expanded');
    for (const residency of ['packed', 'streamed'] as const) {
      const { inHalf, inFull } = await bothOf(tinyConfigurations.llama, backend, residency);
      expect({ inHalf, inFull }).toEqual({ inHalf: expanded.inHalf, inFull: expanded.inFull });
    }
  });

  test('gradients and text are refused', async () => {
    const model = await Model.load(tinyCheckpoint(tinyConfigurations.llama), backend, {
      precision: 'float16',
    });
    const site = { component: 'block_output', layer: 0 };
    const place = { row: 0, site, location: { positions: [1] } };
    await expect(model.gradients({ rows: plan.rows.slice(0, 1), terms: [], at: [place] })).rejects.toThrow(
      'random llama was opened in float16, and it is for sweeps. Gradients are computed in float32: open the model so.',
    );
    await expect(model.decode([{ tokens: [1, 2], edits: [] }])).rejects.toThrow(
      'Text is computed in float32',
    );
    await model.dispose();
  });
}

const imitated = halfOnNode(createNodeBackend(1));
afterAll(() => imitated.close());

describe('imitated on the processor', () => holds(() => imitated));

describe.skipIf(hindrance !== undefined)('on WebGPU', () => holds(() => there ?? imitated));

test.skipIf(hindrance === undefined)('layers are computed in float16 on WebGPU', ({ skip }) =>
  skip(hindrance),
);

describe('who is refused', () => {
  const load = (backend: Backend) =>
    Model.load(tinyCheckpoint(tinyConfigurations.llama), backend, { precision: 'float16' });

  test('a backend of the processor', async () => {
    const backend = createNodeBackend(1);
    await expect(load(backend)).rejects.toThrow(
      "The backend 'node' computes in float32 alone. Choose float32 (f32), or the backend 'webgpu' for float16.",
    );
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  });

  test('an adapter without shader-f16, by its name', async ({ skip }) => {
    if (!there) return skip(hindrance);
    if (there.half) return skip(`the adapter '${there.description}' computes in float16`);
    await expect(load(there)).rejects.toThrow(
      `The graphics adapter '${there.description}' does not compute in float16: WebGPU gives it no 'shader-f16'. Choose float32 (f32), or another adapter.`,
    );
    expect(there.liveTensors).toBe(0);
  });

  test('a model with a weight that float16 cannot say, by its name', async () => {
    const whole = tinyCheckpoint(tinyConfigurations.llama);
    const name = 'model.layers.2.mlp.up_proj.weight';
    const backend = halfOnNode(createNodeBackend(1));
    const checkpoint = {
      ...whole,
      read: async (tensor: string) => {
        const bytes = (await whole.read(tensor)).slice();
        if (tensor === name) new Float32Array(bytes.buffer)[5] = -70_000;
        return bytes;
      },
    };
    await expect(Model.load(checkpoint, backend, { precision: 'float16' })).rejects.toThrow(
      `The tensor '${name}' holds -70000, and float16 ends at 65504. Choose float32 for this model.`,
    );
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  });
});

test('a model in float16 takes half of the bytes for what its layers multiply by', async () => {
  const backend = halfOnNode(createNodeBackend(1));
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.llama), backend, { precision: 'float16' });
  // Of a layer: queries and outputs 16 x 16, keys and values 8 x 16, three of the MLP 24 x 16.
  const multiplied = 3 * (2 * 256 + 2 * 128 + 3 * 384);
  expect(model.sizes.parameterCount * 4 - model.sizes.expandedBytes).toBe(2 * multiplied);
  expect(model.heldBytes).toBe(model.sizes.expandedBytes);
  await model.dispose();
  await backend.close();
});

test('beside a model whose weights wait packed, float32 is expanded from these, and the file is read for none', async () => {
  const backend = halfOnNode(createNodeBackend(1));
  const whole = tinyCheckpoint(tinyConfigurations.llama);
  const multiplied = 3 * 7;
  const reads = async (residency: 'expanded' | 'packed') => {
    let count = 0;
    const read = (name: string) => {
      count += 1;
      return whole.read(name);
    };
    const half = await Model.load({ ...whole, read }, backend, { precision: 'float16', residency });
    const before = count;
    const full = half.inFull();
    await readsOf(full);
    await full.dispose();
    await half.dispose();
    return count - before;
  };
  expect(await reads('packed')).toBe(0);
  // Those alone that wait in float16.
  expect(await reads('expanded')).toBe(multiplied);
  await backend.close();
});
