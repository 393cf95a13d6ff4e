import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { matMul } from '../onnx/contraction.ts';
import { add, mul, sub } from '../onnx/elementwise.ts';
import { transpose } from '../onnx/layout.ts';
import { reduceSum } from '../onnx/reduction.ts';
import type { Backend } from './backend.ts';
import { Model } from './model.ts';
import { createNodeBackend } from './nodeBackend.ts';
import type { GradientPlan, Objective, Place, Term } from './objective.ts';
import { along, crossEntropy, weightedEntries } from './objectives.ts';
import { type Edit, type Fragment, type Location, PlanError, type Row, replace, type Site } from './plan.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from './tinyCheckpoint.ts';

const tokens = [3, 17, 8, 25, 1, 30, 12];
const others = [5, 9, 21, 2, 14, 7, 19];
const short = [11, 4, 29];
const everywhere: Location = { positions: 'all' };
const at = (...positions: readonly number[]): Location => ({ positions });
const site = (component: string, layer: number | null = null): Site => ({ component, layer });
const logits = site('logits');

const fromTokens = (ids: readonly number[], ...edits: readonly Edit[]): Row => ({
  start: { kind: 'tokens', tokens: ids },
  edits,
});
const fork = (parent: number, layer: number, position: number, ...edits: readonly Edit[]): Row => ({
  start: { kind: 'fork', parent, layer, position },
  edits,
});
const take = (where: Site, location: Location, row: number, from = location, fromSite = where): Edit => ({
  site: where,
  location,
  fragment: replace,
  source: { kind: 'row', row, site: fromSite, location: from },
});

function random(count: number, seed: number): Float32Array {
  const next = seededRandom(seed);
  return Float32Array.from({ length: count }, () => next());
}

/** base + 0.7 ((source - base) W) Wᵀ + offset, W being no rotation: its gradient should not rely on that. */
const blend = (parameters: Fragment['parameters']): Fragment => ({
  key: 'blend',
  parameters,
  build: ({ base, source, parameter }) => {
    const towards = source ? sub(source, base) : base;
    const turned = matMul(matMul(towards, parameter('w')), transpose(parameter('w'), [1, 0]));
    return add(add(base, turned), parameter('offset'));
  },
});
const blendParameters = (width: number, seed: number): Fragment['parameters'] => ({
  w: { data: random(2 * width, seed).map((v) => 0.4 * v), shape: [width, 2] },
  offset: { data: random(width, seed + 1), shape: [width] },
});
const scale: Fragment = {
  key: 'scale',
  parameters: { factor: { data: Float32Array.of(0.6), shape: [1] } },
  build: ({ base, parameter }) => mul(base, parameter('factor')),
};

const last = (row: number, ids: readonly number[], token: number): Term => ({
  row,
  site: logits,
  location: at(ids.length - 1),
  ...crossEntropy([token]),
});
const square: Objective = {
  key: 'square',
  build: ({ value }) => reduceSum(mul(value, value), { axes: [1], keepDimensions: false }),
};

const w = 16;
const shared = blendParameters(w, 5);
const own = blendParameters(w, 9);
const wide = blendParameters(2 * w, 13);
const block = site('block_output', 1);

/** What is differentiated; every place and parameter of it is compared with differences. */
const plans: Readonly<Record<string, GradientPlan>> = {
  'rows of several lengths': {
    rows: [fromTokens(tokens), fromTokens(short), fromTokens(others)],
    terms: [
      last(0, tokens, 4),
      { ...last(1, short, 7), weight: 0.5 },
      {
        row: 2,
        site: logits,
        location: at(2, 6),
        ...weightedEntries([
          [
            { entry: 3, factor: 1 },
            { entry: 9, factor: -2 },
          ],
          [
            { entry: 8, factor: 1 },
            { entry: 9, factor: 1 },
          ],
        ]),
      },
    ],
    at: [
      { row: 0, site: site('block_input', 0), location: everywhere },
      { row: 1, site: site('mlp_activation', 1), location: at(0, 2) },
      { row: 2, site: site('attention_scores', 1), location: { positions: [1, 3, 6], heads: [1] } },
      { row: 2, site: site('attention_weight', 2), location: everywhere },
      { row: 2, site: site('head_value_output', 0), location: { positions: [1, 4], heads: [1] } },
      { row: 0, site: site('embedding_output'), location: at(3) },
      { row: 0, site: site('final_norm_output'), location: at(6) },
      { row: 0, site: site('key_output', 2), location: everywhere },
    ],
  },
  'terms in several layers, at one site twice': {
    rows: [fromTokens(tokens)],
    terms: [
      { row: 0, site: block, location: at(2, 4), objective: square, weight: 0.1 },
      { row: 0, site: block, location: at(4), ...along(random(w, 3), w) },
      {
        row: 0,
        site: site('head_query_output', 2),
        location: { positions: [5], heads: [0, 1] },
        objective: square,
      },
      last(0, tokens, 4),
    ],
    at: [
      { row: 0, site: site('block_output', 0), location: everywhere },
      { row: 0, site: block, location: everywhere },
    ],
  },
  'rows that fork at a layer': {
    rows: [
      fromTokens(tokens),
      fork(0, 1, 0, { site: site('mlp_output', 1), location: at(5), fragment: blend(shared) }),
      fork(1, 2, 0),
      fork(1, 2, 0, { site: site('mlp_output', 2), location: at(2), fragment: blend(own) }),
    ],
    terms: [last(0, tokens, 4), last(2, tokens, 9), last(3, tokens, 2)],
    at: [
      { row: 0, site: site('block_output', 0), location: everywhere },
      { row: 1, site: site('block_input', 1), location: everywhere },
      { row: 3, site: site('attention_input', 2), location: everywhere },
    ],
    of: [shared, own],
  },
  'forks of forks at one layer': {
    rows: [fromTokens(tokens), fork(0, 1, 0), fork(1, 1, 0), fork(2, 1, 4)],
    terms: [last(2, tokens, 9), last(3, tokens, 2)],
    at: [{ row: 0, site: site('mlp_output', 0), location: everywhere }],
  },
  'rows that fork at a position, whose keys are their ancestors’': {
    rows: [
      fromTokens(tokens),
      fork(0, 1, 3, { site: block, location: at(4), fragment: blend(shared) }),
      fork(1, 2, 5, { site: site('mlp_output', 2), location: at(6), fragment: blend(own) }),
      fork(0, 2, 6),
    ],
    terms: [last(0, tokens, 3), last(1, tokens, 4), last(2, tokens, 9), last(3, tokens, 2)],
    at: [
      { row: 0, site: site('block_output', 0), location: everywhere },
      { row: 0, site: site('attention_input', 2), location: everywhere },
      { row: 1, site: site('key_output', 1), location: at(3, 4, 5, 6) },
      { row: 1, site: site('value_output', 2), location: at(3, 6) },
      { row: 3, site: site('block_input', 2), location: at(6) },
    ],
    of: [shared, own],
  },
  'ancestors that bear on the objective by their keys alone': {
    rows: [fromTokens(tokens), fork(0, 1, 3), fork(1, 1, 6)],
    terms: [last(2, tokens, 9)],
    at: [
      { row: 0, site: site('attention_input', 2), location: at(0, 1, 2) },
      { row: 1, site: site('value_output', 1), location: at(3, 4, 5) },
      { row: 0, site: site('mlp_output', 0), location: everywhere },
    ],
  },
  'a position that is trained in a row whose ancestor is not': {
    rows: [fromTokens(tokens), fork(0, 1, 5, { site: block, location: at(5), fragment: blend(shared) })],
    terms: [last(1, tokens, 4)],
    of: [shared],
  },
  'sources in other rows, of the same layer and of earlier ones': {
    rows: [
      fromTokens(tokens, take(block, at(2, 4), 1, at(3, 3)), take(site('mlp_output', 1), at(5), 2)),
      fromTokens(others, { site: site('mlp_output', 0), location: at(2, 3), fragment: blend(shared) }),
      fromTokens(tokens, take(site('attention_output', 1), at(4), 1, at(6))),
      fork(0, 2, 0, take(site('block_output', 2), at(6), 1, at(6), site('attention_output', 1))),
    ],
    terms: [last(0, tokens, 4), last(3, tokens, 8)],
    at: [
      { row: 1, site: site('block_input', 0), location: everywhere },
      { row: 1, site: block, location: everywhere },
      { row: 2, site: site('block_output', 0), location: everywhere },
    ],
    of: [shared],
  },
  'sources by head': {
    rows: [
      fromTokens(
        tokens,
        take(site('head_attention_value_output', 1), { positions: [2, 3], heads: [1] }, 1, {
          positions: [4],
          heads: [0, 1],
        }),
      ),
      fromTokens(others),
    ],
    terms: [last(0, tokens, 4)],
    at: [
      { row: 1, site: site('head_attention_value_output', 1), location: { positions: [4], heads: [1] } },
      { row: 1, site: site('block_output', 0), location: everywhere },
    ],
  },
  'parameters that rows and layers share, with sources': {
    rows: [
      fromTokens(
        tokens,
        { ...take(site('block_output', 0), at(3, 4), 2), fragment: blend(shared) },
        { ...take(block, at(3), 2), fragment: blend(shared) },
      ),
      fromTokens(short, { ...take(block, at(1), 2, at(5)), fragment: blend(shared) }),
      fromTokens(others),
    ],
    terms: [last(0, tokens, 4), last(1, short, 8)],
    of: [shared],
  },
  'edits of one unit after another': {
    rows: [
      fromTokens(
        tokens,
        { site: block, location: at(1, 3), fragment: blend(shared) },
        { site: block, location: at(3, 5), fragment: blend(own) },
        { site: block, location: at(5), fragment: scale },
      ),
    ],
    terms: [last(0, tokens, 4)],
    at: [{ row: 0, site: block, location: everywhere }],
    of: [shared, own, scale.parameters],
  },
  'units that are joined into one vector, and sources in the row itself': {
    rows: [
      fromTokens(
        tokens,
        { ...take(block, at(1, 4, 5, 6), 1), fragment: { ...blend(wide), joined: 2 } },
        {
          site: site('mlp_output', 2),
          location: at(3, 6),
          fragment: blend(shared),
          source: { kind: 'own', component: 'attention_input' },
        },
      ),
      fromTokens(others),
    ],
    terms: [last(0, tokens, 4)],
    at: [
      { row: 0, site: site('attention_input', 2), location: everywhere },
      { row: 1, site: block, location: everywhere },
      { row: 0, site: site('mlp_activation', 0), location: everywhere },
    ],
    of: [wide, shared],
  },
  'edits of pairs': {
    rows: [
      fromTokens(
        tokens,
        { site: site('attention_weight', 1), location: { positions: [2, 6], heads: [1] }, fragment: scale },
        { site: site('attention_scores', 0), location: everywhere, fragment: scale },
      ),
      fromTokens(short),
    ],
    terms: [last(0, tokens, 4)],
    at: [
      { row: 0, site: site('attention_weight', 1), location: { positions: [2, 6], heads: [0, 1] } },
      { row: 0, site: site('attention_scores', 0), location: everywhere },
    ],
    of: [scale.parameters],
  },
};

/** The plan with this much of a direction added to what leaves a place. */
function moved(
  plan: GradientPlan,
  { row, ...where }: Place,
  direction: Float32Array,
  by: number,
): GradientPlan {
  const edit: Edit = {
    ...where,
    fragment: {
      key: 'move',
      parameters: { by: { data: Float32Array.of(by), shape: [1] } },
      build: ({ base, source, parameter }) => (source ? add(base, mul(source, parameter('by'))) : base),
    },
    source: { kind: 'tensor', data: direction },
  };
  const rows = plan.rows.map((old, index) => (index === row ? { ...old, edits: [...old.edits, edit] } : old));
  return { ...plan, rows };
}

/** The plan with other parameters in place of some. */
function exchanged(
  plan: GradientPlan,
  from: Fragment['parameters'],
  to: Fragment['parameters'],
): GradientPlan {
  const rows = plan.rows.map((row) => ({
    ...row,
    edits: row.edits.map((edit) =>
      edit.fragment.parameters === from ? { ...edit, fragment: { ...edit.fragment, parameters: to } } : edit,
    ),
  }));
  return { ...plan, rows };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, v, i) => sum + v * (b[i] ?? Number.NaN), 0);

/** A node backend that pads every size as a GPU's does, and has room for two short rows in a batch. */
function cramped(): Backend {
  const inner = createNodeBackend(1);
  const changed: Readonly<Record<PropertyKey, unknown>> = {
    batchTokens: 11,
    paddedSize: (size: number) => 4 * Math.ceil((size + 1) / 4),
  };
  return new Proxy(inner, {
    get: (target, key) => {
      if (Object.hasOwn(changed, key)) return changed[key];
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

describe.each(['gpt2', 'llama', 'gpt_neox'] as const)('gradients of %s', (family) => {
  let backend: Backend;
  let model: Model;
  let padded: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    const checkpoint = tinyCheckpoint(tinyConfigurations[family]);
    model = await Model.load(checkpoint, backend);
    padded = await Model.load(checkpoint, cramped(), { residency: 'streamed' });
  });
  afterAll(async () => {
    await model.dispose();
    await padded.dispose();
    await backend.close();
    await padded.backend.close();
  });

  test.each(Object.keys(plans))('%s: what differences of the objective give', async (name) => {
    const plan = plans[name] ?? { rows: [], terms: [] };
    // Tables of positions are made once and stay.
    await model.run({ rows: plan.rows, reads: [{ row: 0, site: logits, location: at(0) }] });
    const live = backend.liveTensors;
    const found = await model.gradients(plan);
    expect(backend.liveTensors).toBe(live);
    const objective = async (changed: GradientPlan) =>
      (await model.gradients({ rows: changed.rows, terms: changed.terms })).objective;
    const step = 0.02;
    const difference = async (change: (by: number) => GradientPlan) => {
      const [far, near] = [2 * step, step];
      // Of fourth order, so that what is left is float32's rounding.
      const [a, b, c, d] = [
        await objective(change(far)),
        await objective(change(near)),
        await objective(change(-near)),
        await objective(change(-far)),
      ];
      return (-a + 8 * b - 8 * c + d) / (12 * step);
    };
    for (const [index, place] of (plan.at ?? []).entries()) {
      const { data, shape } = found.at[index] ?? { data: [], shape: [] };
      const direction = random(data.length, 100 + index).map((v) => v / Math.sqrt(data.length));
      const expected = await difference((by) => moved(plan, place, direction, by));
      expect(shape.reduce((a, b) => a * b, 1)).toBe(data.length);
      expect(Math.abs(dot(data, direction)), `place ${index} bears on nothing`).toBeGreaterThan(1e-6);
      expect(Math.abs(dot(data, direction) - expected), `place ${index}`).toBeLessThan(
        2e-4 + 2e-3 * Math.abs(expected),
      );
    }
    for (const [index, parameters] of (plan.of ?? []).entries()) {
      for (const [key, parameter] of Object.entries(parameters)) {
        if (!('data' in parameter)) continue;
        const { data, shape } = found.of[index]?.[key] ?? { data: [], shape: [] };
        expect(shape).toEqual(parameter.shape);
        const direction = random(data.length, 200 + index).map((v) => v / Math.sqrt(data.length));
        const expected = await difference((by) => {
          const changed = parameter.data.map((v, i) => v + by * (direction[i] ?? 0));
          return exchanged(plan, parameters, { ...parameters, [key]: { ...parameter, data: changed } });
        });
        expect(Math.abs(dot(data, direction) - expected), `${key} of ${index}`).toBeLessThan(
          2e-4 + 2e-3 * Math.abs(expected),
        );
      }
    }
  });

  test.each(Object.keys(plans))('%s: the same in padded batches, with weights that stream', async (name) => {
    const plan = plans[name] ?? { rows: [], terms: [] };
    const [whole, parts] = [await model.gradients(plan), await padded.gradients(plan)];
    const isNear = (a: ArrayLike<number>, b: ArrayLike<number>) => {
      expect(a.length).toBe(b.length);
      for (const [i, v] of Array.from(a).entries())
        expect(Math.abs(v - (b[i] ?? Number.NaN))).toBeLessThan(1e-5 + 1e-4 * Math.abs(v));
    };
    expect(parts.objective).toBeCloseTo(whole.objective, 4);
    for (const [i, term] of whole.terms.entries()) isNear(term, parts.terms[i] ?? []);
    for (const [i, { data }] of whole.at.entries()) isNear(data, parts.at[i]?.data ?? []);
    for (const [i, named] of whole.of.entries())
      for (const [key, { data }] of Object.entries(named)) isNear(data, parts.of[i]?.[key]?.data ?? []);
  });
});

describe('a model that is differentiated', () => {
  let backend: Backend;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    model = await Model.load(tinyCheckpoint(tinyConfigurations.llama), backend);
  });
  afterAll(async () => {
    await model.dispose();
    await backend.close();
  });

  test('answers reads on the way, and gives each term by unit', async () => {
    const plan: GradientPlan = {
      rows: [fromTokens(tokens)],
      reads: [{ row: 0, site: logits, location: at(6) }],
      terms: [{ row: 0, site: logits, location: at(5, 6), ...crossEntropy([2, 4]), weight: 3 }],
      at: [{ row: 0, site: block, location: at(6) }],
    };
    const found = await model.gradients(plan);
    const [plain] = await model.run({ rows: plan.rows, reads: plan.reads ?? [] });
    expect(found.reads).toHaveLength(1);
    const values = [...(plain?.value?.data ?? [])];
    for (const [i, logit] of [...(found.reads[0]?.value?.data ?? [])].entries())
      expect(logit).toBeCloseTo(values[i] ?? Number.NaN, 5);
    const loss = Math.log(values.reduce((sum, v) => sum + Math.exp(v), 0)) - (values[4] ?? Number.NaN);
    expect(found.terms[0]?.[1]).toBeCloseTo(loss, 5);
    const [first = 0, second = 0] = found.terms[0] ?? [];
    expect(found.objective).toBeCloseTo(3 * (first + second), 5);
  });

  test('has zero gradients where nothing bears on the objective', async () => {
    const unread = blendParameters(w, 3);
    const found = await model.gradients({
      rows: [fromTokens(tokens, { site: site('block_output', 2), location: at(2), fragment: blend(unread) })],
      terms: [{ row: 0, site: block, location: at(6), objective: square }],
      at: [
        { row: 0, site: site('mlp_output', 2), location: at(1) },
        { row: 0, site: site('attention_weight', 2), location: at(1) },
      ],
      of: [unread],
    });
    expect(found.at.map(({ shape }) => shape)).toEqual([
      [1, 16],
      [4, 1, 7],
    ]);
    const numbers = [...found.at, ...Object.values(found.of[0] ?? {})].flatMap(({ data }) => [...data]);
    expect(numbers.every((v) => v === 0)).toBe(true);
    expect(found.objective).toBeGreaterThan(0);
  });

  test('computes again only the layers between what is wanted and the objective', async () => {
    const seen: [number, number][] = [];
    await model.gradients(
      {
        rows: [
          fromTokens(tokens),
          fork(0, 2, 0, { site: site('mlp_output', 2), location: at(3), fragment: blend(own) }),
        ],
        terms: [last(1, tokens, 4)],
        of: [own],
      },
      { onProgress: (done, total) => seen.push([done, total]) },
    );
    // Row 0 passes layers 0 and 1, row 1 layer 2; backwards row 1 passes the head and layer 2.
    expect(seen.at(-1)).toEqual([5, 5]);
    expect(seen.every(([done], i) => i === 0 || done >= (seen[i - 1]?.[0] ?? 0))).toBe(true);
  });

  test('hands gradients of parameters over on the device, and leaves none there', async () => {
    const before = backend.liveTensors;
    const plan: GradientPlan = {
      rows: [fromTokens(tokens, { site: block, location: at(3), fragment: blend(own) })],
      terms: [last(0, tokens, 4)],
      of: [own],
    };
    const { of } = await model.gradients(plan);
    const taken: number[] = [];
    const result = await model.gradients(plan, {
      onParameters: async ([first]) => {
        if (first?.w) taken.push(...(await backend.read(first.w)));
      },
    });
    expect(taken).toEqual([...(of[0]?.w?.data ?? [])]);
    expect(result.of).toEqual([]);
    expect(backend.liveTensors).toBe(before);
  });

  test('takes parameters that lie on the device', async () => {
    const tensors = {
      w: { tensor: backend.upload(random(2 * w, 9), [w, 2]), shape: [w, 2] },
      offset: { tensor: backend.upload(random(w, 10), [w]), shape: [w] },
    };
    const numbers = {
      w: { data: random(2 * w, 9), shape: [w, 2] },
      offset: { data: random(w, 10), shape: [w] },
    };
    const gradient = async (parameters: Fragment['parameters']) =>
      model.gradients({
        rows: [fromTokens(tokens, { site: block, location: at(3), fragment: blend(parameters) })],
        terms: [last(0, tokens, 4)],
        of: [parameters],
      });
    expect((await gradient(tensors)).of).toEqual((await gradient(numbers)).of);
    for (const { tensor } of Object.values(tensors)) backend.dispose(tensor);
  });

  test('frees what has entered a layer once its gradient is through', async () => {
    const live: number[] = [];
    await model.gradients(
      {
        rows: [fromTokens(tokens)],
        terms: [last(0, tokens, 4)],
        at: [{ row: 0, site: site('block_input', 0), location: everywhere }],
      },
      { onProgress: () => live.push(backend.liveTensors) },
    );
    // Three layers forwards, the head and three layers backwards; what enters a layer is a state and seven index arrays.
    expect(live).toHaveLength(8);
    const [afterForward = 0, afterBackward = 0] = [live[3], live[7]];
    expect(afterForward - afterBackward).toBeGreaterThanOrEqual(3 * 8);
  });

  test('leaves nothing behind when it is cancelled between two layers of the way back', async () => {
    const before = backend.liveTensors;
    const controller = new AbortController();
    const run = model.gradients(
      {
        rows: [fromTokens(tokens)],
        terms: [last(0, tokens, 4)],
        at: [{ row: 0, site: site('block_input', 0), location: everywhere }],
      },
      {
        signal: controller.signal,
        onProgress: (done) => {
          if (done === 5) controller.abort(new Error('enough'));
        },
      },
    );
    await expect(run).rejects.toThrow('enough');
    expect(backend.liveTensors).toBe(before);
  });

  const pairTaken: GradientPlan = {
    rows: [fromTokens(tokens, take(site('attention_weight', 1), everywhere, 1)), fromTokens(others)],
    terms: [last(0, tokens, 4)],
    at: [{ row: 1, site: site('block_output', 0), location: everywhere }],
  };
  test.each<[string, GradientPlan, string]>([
    [
      'parameters of no edit',
      { rows: [fromTokens(tokens)], terms: [last(0, tokens, 4)], of: [own] },
      'The parameters 0 that gradients are asked of belong to no edit of the plan.',
    ],
    [
      'pairs that another row depends on',
      pairTaken,
      "Row 0 takes 'attention_weight' from row 1, on which something that gradients are asked of bears.",
    ],
    [
      'a term of pairs',
      {
        rows: [fromTokens(tokens)],
        terms: [{ row: 0, site: site('attention_weight', 1), location: everywhere, objective: square }],
      },
      "The objective 'square' cannot be taken of 'attention_weight'",
    ],
    [
      'numbers that do not fit',
      { rows: [fromTokens(tokens)], terms: [{ ...last(0, tokens, 4), ...crossEntropy([1, 2]) }] },
      "The objective 'cross-entropy' is given 2 numbers as 'label'; 1 units of width 1 need 1.",
    ],
    [
      'numbers that were not given',
      { rows: [fromTokens(tokens)], terms: [{ ...last(0, tokens, 4), perUnit: {} }] },
      "The objective 'cross-entropy' is given no 'label' for its units.",
    ],
    [
      'an objective that is no number for each unit',
      {
        rows: [fromTokens(tokens)],
        terms: [
          { row: 0, site: logits, location: at(2), objective: { key: 'all', build: ({ value }) => value } },
        ],
      },
      "The objective 'all' gives [tap0_units, 31]; it must give one number for each unit, [tap0_units].",
    ],
  ])('refuses %s', async (_, plan, sentence) => {
    const before = backend.liveTensors;
    const failure = await model.gradients(plan).then(
      () => 'it ran',
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ message: expect.stringContaining(sentence) });
    expect(backend.liveTensors).toBe(before);
  });

  test('lets rows take pairs from rows that nothing wanted bears on', async () => {
    const place = { row: 0, site: site('block_output', 0), location: everywhere };
    const found = await model.gradients({ ...pairTaken, at: [place] });
    expect(found.at[0]?.shape).toEqual([7, 16]);
    expect(() => model.schedule({ rows: pairTaken.rows, reads: [] })).not.toThrow(PlanError);
  });
});
