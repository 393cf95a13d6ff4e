import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { add, mul } from '../../onnx/elementwise.ts';
import { gather, slice } from '../../onnx/layout.ts';
import { constant, type Value } from '../../onnx/value.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import {
  type Edit,
  type Fragment,
  type Location,
  type Plan,
  type ReadResult,
  type Row,
  replace,
  type Site,
  type Source,
} from '../plan/plan.ts';

const tokens = [3, 17, 8, 25, 1, 30, 12];
const others = [5, 9, 21, 2, 14, 7, 19];
const logits: Site = { component: 'logits', layer: null };
const everywhere: Location = { positions: 'all' };
const last: Location = { positions: [tokens.length - 1] };

const fromTokens = (ids: readonly number[], ...edits: readonly Edit[]): Row => ({
  start: { kind: 'tokens', tokens: ids },
  edits,
});
const fork = (parent: number, layer: number, position: number, ...edits: readonly Edit[]): Row => ({
  start: { kind: 'fork', parent, layer, position },
  edits,
});
const put = (component: string, layer: number | null, location: Location, source: Source): Edit => ({
  site: { component, layer },
  location,
  fragment: replace,
  source,
});
const numbers = (result: ReadResult | undefined): Float32Array => {
  const data = result?.value?.data;
  if (!(data instanceof Float32Array)) throw new Error('expected float32');
  return data;
};
const gap = (a: Float32Array, b: Float32Array): number => {
  expect(a.length).toBe(b.length);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] ?? Number.NaN))), 0);
};

const families = Object.keys(tinyConfigurations) as (keyof typeof tinyConfigurations)[];

describe.each(families)('rows of %s', (family) => {
  let backend: Backend;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    model = await Model.load(tinyCheckpoint(tinyConfigurations[family]), backend);
  });
  afterAll(async () => {
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  });

  const run = async (plan: Plan): Promise<readonly Float32Array[]> => (await model.run(plan)).map(numbers);
  const readAll = (rows: readonly Row[]): Plan => ({
    rows,
    reads: rows.map((row, index) => ({
      row: index,
      site: logits,
      location: row.start.kind === 'fork' ? last : everywhere,
    })),
  });

  test('a row forked at a layer equals the row run from the start, bit for bit', async () => {
    for (const layer of [0, 1, 2]) {
      const edit = put(
        'mlp_output',
        layer,
        { positions: [2] },
        { kind: 'tensor', data: new Float32Array(16).fill(0.3) },
      );
      const rows = [fromTokens(tokens), fromTokens(tokens, edit), fork(0, layer, 0, edit)];
      const [clean, whole, forked] = await run({
        rows,
        reads: rows.map((_, row) => ({ row, site: logits, location: everywhere })),
      });
      expect(forked).toEqual(whole);
      expect(whole).not.toEqual(clean);
    }
  });

  test('a row forked at a layer and a position equals the row run from the start', async () => {
    for (const [layer, position] of [
      [0, 3],
      [1, 1],
      [2, 6],
    ] as const) {
      const edit = put(
        'attention_output',
        layer,
        { positions: [position] },
        { kind: 'tensor', data: new Float32Array(16).fill(-0.4) },
      );
      const rows = [fromTokens(tokens), fromTokens(tokens, edit), fork(0, layer, position, edit)];
      const location = { positions: Array.from({ length: 7 - position }, (_, i) => position + i) };
      const [, whole, forked] = await run({
        rows,
        reads: rows.map((_, row) => ({ row, site: logits, location })),
      });
      expect(gap(whole ?? new Float32Array(), forked ?? new Float32Array())).toBeLessThan(1e-5);
    }
  });

  test('forks of forks see the keys of all their ancestors', async () => {
    const first = put(
      'block_input',
      1,
      { positions: [2] },
      { kind: 'tensor', data: new Float32Array(16).fill(0.2) },
    );
    const second = put(
      'mlp_output',
      2,
      { positions: [4] },
      { kind: 'tensor', data: new Float32Array(16).fill(0.7) },
    );
    // The grandchild stands first in the plan: order in the list does not matter.
    const rows = [
      fork(1, 2, 4, second),
      fork(3, 1, 2, first),
      fromTokens(tokens, first, second),
      fromTokens(tokens),
    ];
    const [grandchild, , whole] = await run({
      rows,
      reads: [0, 1, 2].map((row) => ({ row, site: logits, location: last })),
    });
    expect(gap(grandchild ?? new Float32Array(), whole ?? new Float32Array())).toBeLessThan(1e-5);
  });

  test('a fork carries only the positions from its own on', () => {
    const rows = [fromTokens(tokens), fork(0, 0, 4)];
    const { tokenLayers, rowLayers } = model.schedule(readAll(rows));
    // Three layers: 7 tokens of the first row, 3 of the second.
    expect(tokenLayers).toBe(3 * 7 + 3 * 3);
    expect(rowLayers).toBe(6);
  });

  test('every component can be read, and overriding it with what was read changes nothing', async () => {
    const [clean] = await run(readAll([fromTokens(tokens)]));
    for (const component of model.architecture.components) {
      const layer = component.scope === 'layer' ? 1 : null;
      const site = { component: component.name, layer };
      const [value] = await run({
        rows: [fromTokens(tokens)],
        reads: [{ row: 0, site, location: everywhere }],
      });
      // Reads of heads come position by position, pairs head by head; edits take them in the same order.
      const edit = put(component.name, layer, everywhere, {
        kind: 'tensor',
        data: value ?? new Float32Array(),
      });
      const [same] = await run(readAll([fromTokens(tokens, edit)]));
      expect(gap(same ?? new Float32Array(), clean ?? new Float32Array()), component.name).toBeLessThan(1e-5);
    }
  });

  test('every component can be taken from another row, and then the logits move', async () => {
    for (const component of model.architecture.components) {
      const layer = component.scope === 'layer' ? 1 : null;
      const site = { component: component.name, layer };
      const isPair = component.layout === 'pair';
      const heads = component.layout === 'token' ? {} : { heads: [0] };
      const location = { positions: [4], ...heads };
      const rows = [
        fromTokens(tokens, put(component.name, layer, location, { kind: 'row', row: 1, site, location })),
        fromTokens(others),
      ];
      const [read] = await run({ rows: [fromTokens(others)], reads: [{ row: 0, site, location }] });
      const given = put(component.name, layer, location, {
        kind: 'tensor',
        data: read ?? new Float32Array(),
      });
      const [fromRow, clean, fromTensor] = await run({
        rows: [...rows, fromTokens(tokens), fromTokens(tokens, given)],
        reads: [0, 2, 3].map((row) => ({ row, site: logits, location: { positions: [4] } })),
      });
      expect(
        gap(fromRow ?? new Float32Array(), fromTensor ?? new Float32Array()),
        component.name,
      ).toBeLessThan(1e-6);
      expect(gap(fromRow ?? new Float32Array(), clean ?? new Float32Array()), component.name).toBeGreaterThan(
        isPair ? 1e-7 : 1e-5,
      );
    }
  });

  test('an edit touches only its positions and heads', async () => {
    const before: Site = { component: 'head_value_output', layer: 1 };
    const edit = put(
      'head_value_output',
      1,
      { positions: [2, 5], heads: [0] },
      {
        kind: 'tensor',
        data: new Float32Array(
          2 * (model.architecture.components.find((c) => c.name === 'head_value_output')?.width ?? 0),
        ),
      },
    );
    const [clean, edited] = await run({
      rows: [fromTokens(tokens), fromTokens(tokens, edit)],
      reads: [0, 1].map((row) => ({ row, site: before, location: everywhere })),
    });
    const heads = model.architecture.components.find((c) => c.name === 'head_value_output')?.heads ?? 1;
    const width = (clean?.length ?? 0) / (7 * heads);
    clean?.forEach((value, i) => {
      const unit = Math.floor(i / width);
      const isEdited = [2, 5].includes(Math.floor(unit / heads)) && unit % heads === 0;
      expect(edited?.[i]).toBe(isEdited ? 0 : value);
    });
  });

  test('a source may lie in an earlier layer or another component of the same width', async () => {
    const site: Site = { component: 'mlp_output', layer: 0 };
    const edit = put(
      'block_output',
      2,
      { positions: [6] },
      { kind: 'row', row: 0, site, location: { positions: [1] } },
    );
    const [value] = await run({
      rows: [fromTokens(tokens)],
      reads: [{ row: 0, site, location: { positions: [1] } }],
    });
    const given = put(
      'block_output',
      2,
      { positions: [6] },
      { kind: 'tensor', data: value ?? new Float32Array() },
    );
    const [, moved, expected] = await run(
      readAll([fromTokens(tokens), fromTokens(tokens, edit), fromTokens(tokens, given)]),
    );
    expect(moved).toEqual(expected);
  });

  test('edits of one unit apply in their order', async () => {
    const scale = (factor: number): Fragment => ({
      key: 'scale',
      parameters: { factor: { data: Float32Array.of(factor), shape: [1] } },
      build: ({ base, parameter }) => mul(base, parameter('factor')),
    });
    const shift: Fragment = { key: 'shift', parameters: {}, build: ({ base }) => add(base, constant(1)) };
    const site: Site = { component: 'mlp_output', layer: 1 };
    const at: Location = { positions: [3] };
    const edits: readonly Edit[] = [
      { site, location: at, fragment: scale(2) },
      { site, location: at, fragment: shift },
      { site, location: at, fragment: scale(3) },
    ];
    const [clean, edited] = await run({
      rows: [fromTokens(tokens), fromTokens(tokens, ...edits)],
      reads: [0, 1].map((row) => ({ row, site, location: at })),
    });
    clean?.forEach((value, i) => {
      expect(edited?.[i]).toBeCloseTo((value * 2 + 1) * 3, 5);
    });
  });

  test('rows of different lengths share a batch without seeing each other', async () => {
    const short = tokens.slice(0, 3);
    const [together] = await run({
      rows: [fromTokens(short), fromTokens(tokens)],
      reads: [{ row: 0, site: logits, location: everywhere }],
    });
    const [alone] = await run(readAll([fromTokens(short)]));
    expect(gap(together ?? new Float32Array(), alone ?? new Float32Array())).toBeLessThan(1e-5);
  });

  test('a reduction is computed on the device', async () => {
    const reduction = {
      key: 'first two',
      build: (value: Value) => ({ pair: slice(value, 1, 0, 2) }),
    };
    const [result] = await model.run({
      rows: [fromTokens(tokens)],
      reads: [{ row: 0, site: logits, location: last, reduction }],
    });
    const [whole] = await run({
      rows: [fromTokens(tokens)],
      reads: [{ row: 0, site: logits, location: last }],
    });
    expect(result?.pair?.shape).toEqual([1, 2]);
    expect(result?.pair?.data).toEqual(whole?.slice(0, 2));
  });

  test('reductions of one key run with their own parameters', async () => {
    const pick = (...ids: readonly number[]) => ({
      key: 'pick',
      parameters: { ids: { data: Int32Array.from(ids), shape: [ids.length] } },
      build: (value: Value, parameter: (name: string) => Value) => ({
        picked: gather(value, parameter('ids'), 1),
      }),
    });
    const results = await model.run({
      rows: [fromTokens(tokens), fromTokens(others)],
      reads: [0, 1].map((row) => ({ row, site: logits, location: last, reduction: pick(7 + row, 20) })),
    });
    const whole = await run({
      rows: [fromTokens(tokens), fromTokens(others)],
      reads: [0, 1].map((row) => ({ row, site: logits, location: last })),
    });
    expect(results.map((result) => [...(result.picked?.data ?? [])])).toEqual(
      whole.map((row, index) => [row[7 + index], row[20]]),
    );
  });

  test('rows in another order compile nothing new', async () => {
    const source = { kind: 'tensor' as const, data: new Float32Array(16).fill(0.1) };
    const [mlp, attention] = ['mlp_output', 'attention_output'].map((component) =>
      fromTokens(tokens, put(component, 1, last, source)),
    );
    const read = (component: string, row: number) => ({ row, site: { component, layer: 1 }, location: last });
    if (!mlp || !attention) throw new Error('Two rows were made.');
    await model.run({ rows: [mlp, attention], reads: [read('mlp_input', 0), read('mlp_output', 1)] });
    const compile = vi.spyOn(backend, 'compile');
    await model.run({ rows: [attention, mlp], reads: [read('mlp_output', 0), read('mlp_input', 1)] });
    expect(compile).not.toHaveBeenCalled();
    compile.mockRestore();
  });

  test('fifty passes leave as many tensors as one', async () => {
    const edit = put(
      'mlp_output',
      1,
      { positions: [2] },
      { kind: 'row', row: 0, site: { component: 'mlp_output', layer: 1 }, location: { positions: [3] } },
    );
    const plan = readAll([fromTokens(others), fromTokens(tokens, edit), fork(0, 1, 2, edit)]);
    await model.run(plan);
    const after = backend.liveTensors;
    for (let pass = 0; pass < 49; pass++) await model.run(plan);
    expect(backend.liveTensors).toBe(after);
  });

  test('progress is monotone, has a constant total and reaches it; an abort frees everything', async () => {
    const seen: [number, number][] = [];
    const plan = readAll([fromTokens(tokens), fork(0, 1, 2), fork(0, 2, 4)]);
    await model.run(plan, { onProgress: (done, total) => seen.push([done, total]) });
    expect(new Set(seen.map(([, total]) => total))).toEqual(new Set([3 + 2 + 1]));
    expect(seen.map(([done]) => done)).toEqual([...seen.map(([done]) => done)].sort((a, b) => a - b));
    expect(seen.at(-1)?.[0]).toBe(6);
    const before = backend.liveTensors;
    const controller = new AbortController();
    const stopped = model.run(plan, {
      signal: controller.signal,
      onProgress: (done) => done >= 2 && controller.abort(),
    });
    await expect(stopped).rejects.toThrow('abort');
    expect(backend.liveTensors).toBe(before);
    expect((await model.run(plan)).length).toBe(3);
  });
});
