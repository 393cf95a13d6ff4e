// What a call for gradients hands over, computes, frees and refuses.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import {
  at,
  blend,
  blendParameters,
  block,
  everywhere,
  fork,
  fromTokens,
  last,
  logits,
  others,
  own,
  random,
  site,
  square,
  take,
  tokens,
  w,
} from '../fixtures/gradientPlans.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { type Fragment, PlanError } from '../plan/plan.ts';
import type { GradientPlan } from './objective.ts';
import { crossEntropy } from './objectives.ts';

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
      'an objective that is not one number for each unit',
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
