import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { cellByCell, differencesOf, largestGap, wholeRun } from './directRuns.ts';
import { type PatchExperimentFile, readPatchExperiment } from './experiment.ts';
import { type ResolvedPatch, resolvePatch } from './resolve.ts';
import { completePatch } from './work.ts';

const clean = [3, 17, 8, 25, 1, 30, 12];
const other = [3, 17, 21, 25, 4, 30, 12];

/** All logits of these models lie between -30 and 30. */
const bound = 5e-5;

describe.each(['gpt2', 'mistral'] as const)('an ablation of %s', (family) => {
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

  const resolve = (more: Partial<PatchExperimentFile>): ResolvedPatch =>
    resolvePatch(
      model.architecture,
      undefined,
      readPatchExperiment({ kind: 'patch', version: 1, model: 'tiny', pairs: alone, ...more }),
    );

  const alone = [{ clean, answer: 7, distractor: 9 }];
  const ablated: PatchExperimentFile['sweeps'] = [
    { component: 'block_output' },
    { component: 'head_attention_value_output', by: 'head', window: 2 },
    { component: 'head_value_output', by: 'head', positions: [2, 5] },
    { component: 'attention_weight', by: 'head' },
  ];

  test('a zero ablation equals the clean run with zeros in it', async () => {
    const patch = resolve({ ablation: { kind: 'zero' }, sweeps: ablated });
    const widthOf = (name: string) => {
      const { width = 0, layout } = model.architecture.components.find((each) => each.name === name) ?? {};
      return layout === 'pair' ? clean.length : width;
    };
    const result = await completePatch(model, patch);
    expect(result.corrupted).toBeNull();
    expect(
      largestGap(
        differencesOf(result),
        await cellByCell(
          model,
          patch,
          () => [clean, clean],
          (component, _, { positions, heads }) => {
            const units = (positions === 'all' ? clean.length : positions.length) * (heads?.length ?? 1);
            return { kind: 'tensor', data: new Float32Array(units * widthOf(component)) };
          },
        ),
      ),
    ).toBeLessThan(bound);
  });

  /** Means worked out from reads of one prompt at a time. @returns [head][position] of numbers, one position for all */
  async function meanOf(
    prompts: readonly (readonly number[])[],
    component: string,
    layer: number,
    isByPosition: boolean,
  ): Promise<(head: number, position: number) => readonly number[]> {
    const { layout, heads: count = 1 } =
      model.architecture.components.find(({ name }) => name === component) ?? {};
    const found = new Map<string, number[][]>();
    for (const tokens of prompts) {
      const [read] = await model.run({
        rows: [wholeRun(tokens)],
        reads: [{ row: 0, site: { component, layer }, location: { positions: 'all' } }],
      });
      const data = read?.value?.data ?? new Float32Array();
      const width = data.length / count / tokens.length;
      for (let head = 0; head < count; head++) {
        for (let position = 0; position < tokens.length; position++) {
          const unit = layout === 'pair' ? head * tokens.length + position : position * count + head;
          const key = `${head} ${isByPosition ? position : 'all'}`;
          found.set(key, [...(found.get(key) ?? []), [...data.slice(unit * width, (unit + 1) * width)]]);
        }
      }
    }
    return (head, position) => {
      const rows = found.get(`${head} ${isByPosition ? position : 'all'}`) ?? [];
      return (rows[0] ?? []).map((_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0) / rows.length);
    };
  }

  test.each([
    ['position by position where all are as long', [other, [9, 9, 2, 14, 7, 8, 1]], 'each position'],
    ['over all positions where they are not', [other, [9, 2, 14, 7]], 'all positions'],
  ] as const)('a mean is taken %s', async (_, prompts, over) => {
    const patch = resolve({
      ablation: { kind: 'mean', prompts: [...prompts] },
      sweeps:
        over === 'each position'
          ? ablated
          : ablated.filter(({ component }) => component !== 'attention_weight'),
    });
    const result = await completePatch(model, patch);
    expect(result.meanOver).toBe(over);
    expect(result.notices.map(({ code }) => code).includes('mean-over-all-positions')).toBe(
      over === 'all positions',
    );
    const means = new Map<string, Awaited<ReturnType<typeof meanOf>>>();
    for (const { component } of patch.panels)
      for (let layer = 0; layer < model.architecture.layerCount; layer++)
        means.set(`${component} ${layer}`, await meanOf(prompts, component, layer, over === 'each position'));
    const expected = await cellByCell(
      model,
      patch,
      () => [clean, clean],
      (component, layer, location) => {
        const mean = means.get(`${component} ${layer}`);
        const positions =
          location.positions === 'all' ? clean.map((__, position) => position) : location.positions;
        const heads = location.heads ?? [0];
        const units =
          component === 'attention_weight'
            ? heads.flatMap((head) => positions.map((position) => mean?.(head, position) ?? []))
            : positions.flatMap((position) => heads.map((head) => mean?.(head, position) ?? []));
        return { kind: 'tensor', data: Float32Array.from(units.flat()) };
      },
    );
    expect(largestGap(differencesOf(result), expected)).toBeLessThan(bound);
  });

  test('a resample ablation takes its activations from the prompts it says', async () => {
    const prompts = [clean, other, [9, 9, 2, 14, 7, 8, 1], [3, 17, 8, 26, 1, 30, 12]];
    const patch = resolve({
      ablation: { kind: 'resample', prompts, seed: 5, samples: 2 },
      sweeps: ablated,
    });
    const result = await completePatch(model, patch);
    // numpy.random.RandomState(5).random_sample(2) is 0.22199317, 0.87073231: places 0 of [1, 2, 3] and 1 of [2, 3].
    expect(result.drawn).toEqual([[1, 3]]);
    const each = await Promise.all([
      cellByCell(model, patch, () => [clean, prompts[1] ?? []]),
      cellByCell(model, patch, () => [clean, prompts[3] ?? []]),
    ]);
    const [first = [], second = []] = each;
    const joined = first.map((cells, panel) =>
      cells.map((values, cell) => [...values, ...(second[panel]?.[cell] ?? [])]),
    );
    expect(largestGap(differencesOf(result), joined)).toBeLessThan(bound);
  });
});
