import { expect, test } from 'vitest';
import type { ModelConfiguration } from '../../checkpoint/checkpoint.ts';
import type { Backend, Program } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { type Row, replace } from '../plan/plan.ts';

type Held = (rows: number, queries: number, keys: number) => number;

/** A backend with room for so many bytes in a batch, and the bytes that its runs of several rows take by `held`. */
function watched(batchBytes: number, held: Held): { readonly backend: Backend; readonly taken: number[] } {
  const inner = createNodeBackend(1);
  const taken: number[] = [];
  const compile: Backend['compile'] = async (graph) => {
    const program = await inner.compile(graph);
    const run: Program['run'] = (inputs) => {
      const [rows = 0, queries = 0] = inputs.query_index?.shape ?? [];
      if (rows > 1) taken.push(4 * held(rows, queries, inputs.key_index?.shape[1] ?? 0));
      return program.run(inputs);
    };
    return { ...program, run };
  };
  const changed: Readonly<Record<PropertyKey, unknown>> = { batchBytes, compile };
  const backend = new Proxy(inner, {
    get: (target, key) => {
      if (Object.hasOwn(changed, key)) return changed[key];
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  return { backend, taken };
}

test('short rows beside a long one do not pad a batch past the bytes that it may take', async () => {
  const heads = tinyConfigurations.gpt2.n_head;
  const batchBytes = 4 * heads * 20 * 40;
  const { backend, taken } = watched(batchBytes, (rows, queries, keys) => heads * rows * queries * keys);
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  const long = Array.from({ length: 20 }, (_, at) => at);
  const rows = [long, ...Array.from({ length: 18 }, (_, at) => [at])].map((tokens) => ({
    start: { kind: 'tokens' as const, tokens },
    edits: [],
  }));
  const logits = { component: 'logits', layer: null };
  const reads = rows.map((_, row) => ({ row, site: logits, location: { positions: [0] } }));
  const together = await model.run({ rows, reads });
  expect(taken.length).toBeGreaterThan(0);
  expect(Math.max(...taken)).toBeLessThanOrEqual(batchBytes);
  const alone = await model.run({ rows: rows.slice(5, 6), reads: reads.slice(0, 1) });
  together[5]?.value?.data.forEach((logit, id) => {
    expect(logit).toBeCloseTo(alone[0]?.value?.data[id] ?? Number.NaN, 5);
  });
  await model.dispose();
  await backend.close();
});

const mamba = { model_type: 'mamba', hidden_size: 8, num_hidden_layers: 2, state_size: 4, vocab_size: 31 };
const mixtral = { ...tinyConfigurations.llama, model_type: 'mixtral', num_local_experts: 12 };

const length = 24;

test.each<{
  readonly what: string;
  readonly config: ModelConfiguration;
  readonly position: number;
  readonly held: Held;
  /** Rows that a batch has room for. */
  readonly room: number;
}>([
  {
    what: 'states of whole sequences',
    config: mamba,
    position: 0,
    held: (rows, _, keys) => rows * keys * 16 * 4,
    room: 4,
  },
  // One that begins with its ancestor's state goes along its own position alone.
  {
    what: 'states of the positions that rows carry',
    config: mamba,
    position: length - 1,
    held: (rows, queries) => rows * queries * 16 * 4,
    room: 8,
  },
  {
    what: 'what all experts say',
    config: mixtral,
    position: length - 1,
    held: (rows, queries) => rows * queries * 12 * tinyConfigurations.llama.hidden_size,
    room: 4,
  },
])('$what count in a batch of forked rows', async ({ config, position, held, room }) => {
  const batchBytes = 4 * 4 * held(room, length - position, length);
  const { backend, taken } = watched(batchBytes, held);
  const model = await Model.load(tinyCheckpoint(config), backend);
  const tokens = Array.from({ length }, (_, at) => at);
  const site = { component: 'block_input', layer: 1 };
  const location = { positions: [length - 1] };
  const forks = Array.from({ length: 40 }, (_, at): Row => {
    const data = Float32Array.from({ length: model.architecture.width }, (_, entry) => Math.sin(at + entry));
    const edit = { site, location, fragment: replace, source: { kind: 'tensor' as const, data } };
    return { start: { kind: 'fork', parent: 0, layer: 1, position }, edits: [edit] };
  });
  const rows = [{ start: { kind: 'tokens' as const, tokens }, edits: [] }, ...forks];
  const logits = { component: 'logits', layer: null };
  const read = await model.run({ rows, reads: rows.map((_, row) => ({ row, site: logits, location })) });
  expect(taken.length).toBeGreaterThan(1);
  expect(Math.max(...taken)).toBeLessThanOrEqual(batchBytes);
  expect(new Set(read.map(({ value }) => value?.data[3])).size).toBe(41);
  await model.dispose();
  await backend.close();
});

test('logits at all positions of a long prompt leave the head in pieces, and are those of each position alone', async () => {
  const { vocab_size: vocabulary } = tinyConfigurations.gpt2;
  const inner = createNodeBackend(1);
  const sizes: number[] = [];
  const read: Backend['read'] = (tensor) => {
    if (tensor.shape[1] === vocabulary) sizes.push(tensor.shape[0] ?? 0);
    return inner.read(tensor);
  };
  const changed: Readonly<Record<PropertyKey, unknown>> = { batchBytes: 4 * vocabulary * 8, read };
  const backend = new Proxy(inner, {
    get: (target, key) => {
      if (Object.hasOwn(changed, key)) return changed[key];
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  const whole = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), inner);
  const tokens = Array.from({ length: 20 }, (_, at) => (at * 7) % vocabulary);
  const site = { component: 'logits', layer: null };
  // One edit lies in the last piece; and the read names positions in an order of its own.
  const edit = {
    site,
    location: { positions: [17] },
    fragment: replace,
    source: { kind: 'tensor' as const, data: new Float32Array(vocabulary) },
  };
  const positions = [19, ...Array.from({ length: 19 }, (_, at) => at)];
  const rows = [{ start: { kind: 'tokens' as const, tokens }, edits: [edit] }];
  const found: number[] = [];
  const plan = { rows, reads: [{ row: 0, site, location: { positions } }] };
  const [result] = await model.run(plan, { onRead: (index) => found.push(index) });
  const [expected] = await whole.run(plan);
  expect(sizes.slice(0, 3)).toEqual([8, 8, 4]);
  expect(found).toEqual([0]);
  expect(result?.value?.shape).toEqual([20, vocabulary]);
  expect(result?.value?.data).toEqual(expected?.value?.data);
  expect(result?.value?.data.slice(18 * vocabulary, 19 * vocabulary)).toEqual(new Float32Array(vocabulary));
  await model.dispose();
  await whole.dispose();
  await inner.close();
});
