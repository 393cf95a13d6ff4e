// Gradients over the rows of a plan, against differences of the objective.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { add, mul } from '../../onnx/elementwise.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { at, logits, plans, random } from '../fixtures/gradientPlans.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import type { Edit, Fragment } from '../plan/plan.ts';
import type { GradientPlan, Place } from './objective.ts';

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
