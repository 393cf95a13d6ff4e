import { expect, test } from 'vitest';
import type { Backend, Program } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { replace } from '../plan/plan.ts';

/** A backend with room for so many bytes in a batch, and the attention scores that its runs were given, in bytes. */
function watched(
  batchBytes: number,
  heads: number,
): { readonly backend: Backend; readonly scores: number[] } {
  const inner = createNodeBackend(1);
  const scores: number[] = [];
  const compile: Backend['compile'] = async (graph) => {
    const program = await inner.compile(graph);
    const run: Program['run'] = (inputs) => {
      const [rows = 0, queries = 0] = inputs.query_index?.shape ?? [];
      if (rows > 1) scores.push(4 * heads * rows * queries * (inputs.key_index?.shape[1] ?? 0));
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
  return { backend, scores };
}

test('short rows beside a long one do not pad a batch past the bytes that it may take', async () => {
  const heads = tinyConfigurations.gpt2.n_head;
  const batchBytes = 4 * heads * 20 * 40;
  const { backend, scores } = watched(batchBytes, heads);
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  const long = Array.from({ length: 20 }, (_, at) => at);
  const rows = [long, ...Array.from({ length: 18 }, (_, at) => [at])].map((tokens) => ({
    start: { kind: 'tokens' as const, tokens },
    edits: [],
  }));
  const logits = { component: 'logits', layer: null };
  const reads = rows.map((_, row) => ({ row, site: logits, location: { positions: [0] } }));
  const together = await model.run({ rows, reads });
  expect(scores.length).toBeGreaterThan(0);
  expect(Math.max(...scores)).toBeLessThanOrEqual(batchBytes);
  const alone = await model.run({ rows: rows.slice(5, 6), reads: reads.slice(0, 1) });
  together[5]?.value?.data.forEach((logit, id) => {
    expect(logit).toBeCloseTo(alone[0]?.value?.data[id] ?? Number.NaN, 5);
  });
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
