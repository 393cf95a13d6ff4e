import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { add, mul, sub } from '../../onnx/elementwise.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { type Fragment, type Location, PlanError, UnknownComponentError } from '../../runtime/plan/plan.ts';
import { type AttributionRequest, attributePatches } from './attribute.ts';
import { correlationWith } from './correlation.ts';

const request = {
  clean: [3, 17, 8, 25, 1],
  corrupted: [3, 9, 8, 25, 30],
  answer: 7,
  distractor: 12,
  components: ['block_output', 'mlp_output', 'head_attention_value_output'],
} satisfies AttributionRequest;

/** base + share (source - base): a part of the way to a patch. */
const partly = (share: number): Fragment => ({
  key: 'partly',
  parameters: { share: { data: Float32Array.of(share), shape: [1] } },
  build: ({ base, source, parameter }) =>
    source ? add(base, mul(sub(source, base), parameter('share'))) : base,
});

describe.each(['gpt2', 'llama'] as const)('attributions in %s', (family) => {
  let backend: Backend;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    model = await Model.load(tinyCheckpoint(tinyConfigurations[family]), backend);
  });
  afterAll(async () => {
    await model.dispose();
    await backend.close();
  });

  /** The metric of the corrupted run when a part of the clean activation is put in. */
  async function metric(
    component: string,
    layer: number,
    location: Location,
    share: number,
  ): Promise<number> {
    const site = { component, layer };
    const [result] = await model.run({
      rows: [
        {
          start: { kind: 'tokens', tokens: request.corrupted },
          edits: [
            { site, location, fragment: partly(share), source: { kind: 'row', row: 1, site, location } },
          ],
        },
        { start: { kind: 'tokens', tokens: request.clean }, edits: [] },
      ],
      reads: [{ row: 0, site: { component: 'logits', layer: null }, location: { positions: [4] } }],
    });
    return (result?.value?.data[7] ?? Number.NaN) - (result?.value?.data[12] ?? Number.NaN);
  }

  test('are what the first part of the way to each patch does', async () => {
    const { attributions, baselines } = await attributePatches(model, request);
    expect(baselines.corrupted).toBeCloseTo(await metric('block_output', 0, { positions: [0] }, 0), 5);
    expect(baselines.clean).toBeCloseTo(await metric('block_output', 0, { positions: 'all' }, 1), 4);
    const cells: readonly (readonly [number, number, number, number])[] = [
      [0, 0, 1, 0],
      [0, 1, 4, 0],
      [1, 0, 4, 0],
      [1, 2, 4, 0],
      [2, 1, 3, 0],
      [2, 2, 4, 1],
    ];
    for (const [index, layer, position, head] of cells) {
      const { component = '', shape = [], values } = attributions[index] ?? {};
      const [, positions = 0, heads = 1] = shape;
      const location = { positions: [position], ...(shape.length === 3 ? { heads: [head] } : {}) };
      const step = 0.02;
      const at = (share: number) => metric(component, layer, location, share * step);
      // Of fourth order, so that what is left is float32's rounding.
      const slope = (8 * ((await at(1)) - (await at(-1))) - ((await at(2)) - (await at(-2)))) / (12 * step);
      const found = values?.[(layer * positions + position) * heads + head] ?? Number.NaN;
      expect(Math.abs(found - slope), `${component} ${layer} ${position} ${head}`).toBeLessThan(
        2e-3 * (0.1 + Math.abs(slope)),
      );
    }
  });

  test('of the last layer’s output are zero before the last position, which alone is read', async () => {
    const { attributions } = await attributePatches(model, request);
    const [first] = attributions;
    const last = first?.values.subarray(2 * 5) ?? [];
    expect([...last].slice(0, 4)).toEqual([0, 0, 0, 0]);
    expect(Math.abs(last[4] ?? 0)).toBeGreaterThan(0);
  });

  test.each([
    [
      'prompts of different lengths',
      { ...request, clean: [1, 2] },
      PlanError,
      'has 2 tokens and the corrupted one 5',
    ],
    [
      'a pattern',
      { ...request, components: ['attention_weight'] },
      PlanError,
      'nothing can be attributed to it',
    ],
    [
      'an unknown component',
      { ...request, components: ['mlp'] },
      UnknownComponentError,
      "'mlp' does not exist",
    ],
  ])('refuse %s', async (_, wrong, kind, sentence) => {
    const attempt = attributePatches(model, wrong);
    await expect(attempt).rejects.toThrow(kind);
    await expect(attempt).rejects.toThrow(sentence);
  });

  test('integrated gradients add up to what the metric changes by', async () => {
    // Sundararajan et al. 2017, proposition 1: the parts that enter the first layer, all positions together, are complete.
    const components = ['block_input'];
    const { baselines, attributions } = await attributePatches(model, { ...request, components, steps: 64 });
    const [first] = attributions;
    const total = [...(first?.values.slice(0, request.clean.length) ?? [])].reduce((sum, x) => sum + x, 0);
    const change = baselines.clean - baselines.corrupted;
    expect(Math.abs(total - change)).toBeLessThan(0.01 * Math.abs(change));
    const { attributions: plain } = await attributePatches(model, { ...request, components });
    const linear = [...(plain[0]?.values.slice(0, request.clean.length) ?? [])].reduce(
      (sum, x) => sum + x,
      0,
    );
    expect(Math.abs(linear - change)).toBeGreaterThan(0.01 * Math.abs(change));
  });

  test('of prompts of different lengths are of the positions that were matched', async () => {
    const places = [0, 1, null, 2, 3];
    const longer = { ...request, clean: [3, 17, 25, 1], places };
    const { attributions } = await attributePatches(model, longer);
    const [first, , heads] = attributions;
    expect(first?.shape).toEqual([3, 5]);
    expect([...(first?.values.slice(0, 5) ?? [])].map(Number.isNaN)).toEqual([
      false,
      false,
      true,
      false,
      false,
    ]);
    // The first part of the way to a patch that takes position 2 into position 3.
    const site = { component: 'head_attention_value_output', layer: 1 };
    const at = async (share: number) => {
      const [result] = await model.run({
        rows: [
          {
            start: { kind: 'tokens', tokens: request.corrupted },
            edits: [
              {
                site,
                location: { positions: [3], heads: [1] },
                fragment: partly(share),
                source: { kind: 'row', row: 1, site, location: { positions: [2], heads: [1] } },
              },
            ],
          },
          { start: { kind: 'tokens', tokens: longer.clean }, edits: [] },
        ],
        reads: [{ row: 0, site: { component: 'logits', layer: null }, location: { positions: [4] } }],
      });
      return (result?.value?.data[7] ?? Number.NaN) - (result?.value?.data[12] ?? Number.NaN);
    };
    const step = 0.02;
    const slope =
      (8 * ((await at(step)) - (await at(-step))) - ((await at(2 * step)) - (await at(-2 * step)))) /
      (12 * step);
    const [, positions = 0, count = 0] = heads?.shape ?? [];
    const found = heads?.values[(1 * positions + 3) * count + 1] ?? Number.NaN;
    expect(Math.abs(found - slope)).toBeLessThan(2e-3 * (0.1 + Math.abs(slope)));
    // Places that are the same give the same numbers as none.
    const same = await attributePatches(model, { ...request, places: [0, 1, 2, 3, 4] });
    const plain = await attributePatches(model, request);
    expect(same).toEqual(plain);
    await expect(attributePatches(model, { ...longer, places: [0, 1, 2, 3, 4] })).rejects.toThrow(
      'Each of the 5 corrupted positions must have a clean one from 0 to 3, or none.',
    );
  });

  test('points that cannot be counted are refused', async () => {
    await expect(attributePatches(model, { ...request, steps: 0 })).rejects.toThrow(
      'The gradient cannot be integrated at 0 points; give a whole number from 1 to 256.',
    );
  });
});

test('the correlation is that of numpy.corrcoef', () => {
  // numpy.corrcoef([1, 2, 4, 7], [0.5, -1, 3, 2])[0, 1]
  expect(correlationWith([1, 2, 4, 7], [0.5, -1, 3, 2])).toBeCloseTo(0.629940788348712, 12);
  expect(correlationWith([1, 1], [0, 2])).toBeNaN();
  expect(() => correlationWith([1], [1, 2])).toThrow(
    'There are 1 attributions and 2 patches; they must be as many.',
  );
});
