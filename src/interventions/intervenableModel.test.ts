// What a call of interventions does, beside the numbers of pyvene in src/cli/conformance: that ways of saying the same
// give the same, and that nothing lingers from call to call.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import type { ConfigurationInput } from './configuration/configuration.ts';
import { IntervenableModel, type RunArguments } from './intervenableModel.ts';

const base = [
  [3, 17, 8, 25, 1, 30, 12],
  [9, 2, 11, 4, 28, 6, 19],
];
const source = [
  [5, 9, 21, 2, 14, 7, 19],
  [1, 1, 2, 3, 5, 8, 13],
];

let backend: Backend;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
});
afterAll(async () => {
  await model.dispose();
  expect(backend.liveTensors).toBe(0);
  await backend.close();
});

const run = async (configuration: ConfigurationInput, call: RunArguments) => {
  const output = await new IntervenableModel(configuration, model).run(call);
  return output.intervenedOutputs.logits.map(({ data }) => [...data]);
};

const block = { layer: 1, component: 'block_output' } as const;
const twoToFour = { 'sources->base': { source: 2, base: 4 } };
const width = tinyConfigurations.gpt2.n_embd;

describe('locations', () => {
  test('a number, a pair of sides and the full form say the same', async () => {
    const full = { 'sources->base': [[[[2], [2]]], [[[4], [4]]]] };
    const sides = { 'sources->base': { source: { positions: [2] }, base: { positions: [4] } } };
    const expected = await run(block, { base, sources: [source], unitLocations: full });
    expect(await run(block, { base, sources: [source], unitLocations: twoToFour })).toEqual(expected);
    expect(await run(block, { base, sources: [source], unitLocations: sides })).toEqual(expected);
    expect(await run(block, { base, sources: [source], unitLocations: { 'sources->base': 4 } })).not.toEqual(
      expected,
    );
  });

  test('locations of examples are their own, also after a call with one location for all', async () => {
    const own = { 'sources->base': [[[[2], [5]]], [[[4], [3]]]] };
    const intervenable = new IntervenableModel(block, model);
    await intervenable.run({ base, sources: [source], unitLocations: { 'sources->base': 1 } });
    const together = await intervenable.run({ base, sources: [source], unitLocations: own });
    for (const [example, [from, to]] of [
      [2, 4],
      [5, 3],
    ].entries()) {
      const alone = await intervenable.run({
        base: base[example] ?? [],
        sources: [source[example] ?? []],
        unitLocations: { 'sources->base': { source: from ?? 0, base: to ?? 0 } },
      });
      const found = together.intervenedOutputs.logits[example]?.data ?? [];
      const expected = alone.intervenedOutputs.logits[0]?.data ?? [];
      // Other batches, other order of sums.
      expect(found.length).toBe(7 * tinyConfigurations.gpt2.vocab_size);
      found.forEach((x, i) => {
        expect(x).toBeCloseTo(expected[i] ?? Number.NaN, 5);
      });
    }
  });

  test('prompts of unequal length and padding are taken as they are, and locations counted as they were given', async () => {
    const [first = [], second = []] = base;
    const short = second.slice(0, 4);
    const padded = {
      inputIds: [first, [0, 0, 0, ...short]],
      attentionMask: [first.map(() => 1), [0, 0, 0, 1, 1, 1, 1]],
    };
    const ragged = await run(block, {
      base: [first, short],
      sources: [source],
      unitLocations: { 'sources->base': [[[[2], [2]]], [[[4], [3]]]] },
    });
    const masked = await run(block, {
      base: padded,
      sources: [source],
      unitLocations: { 'sources->base': [[[[2], [2]]], [[[4], [6]]]] },
    });
    expect(masked).toEqual(ragged);
    expect(ragged[1]?.length).toBe(4 * tinyConfigurations.gpt2.vocab_size);
  });
});

describe('sources', () => {
  test('what was collected is a source like the run itself', async () => {
    const collector = new IntervenableModel({ ...block, intervention_type: 'CollectIntervention' }, model);
    const at = { base: { positions: [2] } };
    const { collectedActivations } = await collector.run({ base: source, unitLocations: at, logits: 'none' });
    const [states = []] = collectedActivations;
    expect(states.map(({ shape }) => shape)).toEqual([
      [1, width],
      [1, width],
    ]);
    const both = Float32Array.from(states.flatMap(({ data }) => [...data]));
    const given = await run(block, {
      base,
      sourceRepresentations: { 'layer_1_comp_block_output_unit_pos_nunit_1#0': both },
      unitLocations: { 'sources->base': { base: 4 } },
    });
    expect(given).toEqual(await run(block, { base, sources: [source], unitLocations: twoToFour }));
  });

  test('collecting sees every intervention before it and at its site', async () => {
    const configuration = [
      { ...block, intervention_type: 'CollectIntervention' },
      { ...block, intervention_type: 'ZeroIntervention' },
    ];
    const zeroed = new IntervenableModel(configuration, model);
    const { collectedActivations } = await zeroed.run({ base, unitLocations: { base: 3 } });
    expect([...(collectedActivations[0]?.[0]?.data ?? [])].every((x) => x === 0)).toBe(true);
  });

  test('collecting in a subspace keeps its entries', async () => {
    const collector = new IntervenableModel({ ...block, intervention_type: 'CollectIntervention' }, model);
    const call = { base, unitLocations: { base: 3 } };
    const whole = (await collector.run(call)).collectedActivations[0]?.[1]?.data ?? [];
    const part = await collector.run({ ...call, subspaces: [5, 1] });
    expect([...(part.collectedActivations[0]?.[1]?.data ?? [])]).toEqual([whole[5], whole[1]]);
  });

  test('a constant of heads at positions is laid out as pyvene gathers them, what was collected as it came', async () => {
    const heads = { layer: 1, component: 'head_value_output', unit: 'h.pos' } as const;
    const at = { base: { base: { heads: [0, 2], positions: [3, 5] } } };
    const collector = new IntervenableModel({ ...heads, intervention_type: 'CollectIntervention' }, model);
    const [first = []] = base;
    const [other = []] = source;
    const { collectedActivations } = await collector.run({ base: other, unitLocations: at });
    const units = collectedActivations[0]?.[0] ?? { shape: [], data: new Float32Array() };
    const each = units.shape[1] ?? 0;
    expect(units.shape[0]).toBe(4);
    const unit = (place: number) => [...units.data.slice(place * each, (place + 1) * each)];
    // Collected: position 3 of both heads, then position 5. In pyvene: head 0 at both positions, then head 2.
    const constant = [
      [unit(0), unit(2)],
      [unit(1), unit(3)],
    ];
    const taken = {
      source: { heads: [0, 2], positions: [3, 5] },
      base: { heads: [0, 2], positions: [3, 5] },
    };
    const expected = await run(heads, {
      base: first,
      sources: [other],
      unitLocations: { 'sources->base': taken },
    });
    const declared = await run(
      { ...heads, source_representation: constant },
      { base: first, unitLocations: at },
    );
    const given = await run(heads, {
      base: first,
      unitLocations: at,
      sourceRepresentations: { 'layer_1_comp_head_value_output_unit_h_pos_nunit_1#0': units.data },
    });
    expect(declared).toEqual(expected);
    expect(given).toEqual(expected);
  });

  test('noise is the same for every head, as pyvene spreads it', async () => {
    const noise = (layer: number) =>
      ({
        layer,
        component: 'head_value_output',
        unit: 'h.pos',
        intervention_type: 'NoiseIntervention',
      }) as const;
    const positions = [0, 1, 2, 3];
    const together = await run(noise(1), {
      base,
      unitLocations: { base: { base: { heads: [0, 1], positions } } },
    });
    const one = await run([noise(1), noise(1)], {
      base,
      unitLocations: {
        base: [
          [
            [[0], [0]],
            [positions, positions],
          ],
          [
            [[1], [1]],
            [positions, positions],
          ],
        ],
      },
    });
    expect(together).toEqual(one);
  });

  test('zero is zero, whatever stood there', async () => {
    const endless = new Float32Array(width).fill(Number.POSITIVE_INFINITY);
    const blown = { ...block, source_representation: [...endless] };
    const zero = { ...block, intervention_type: 'ZeroIntervention' } as const;
    const at = { base: 3 };
    expect(await run([blown, zero], { base, unitLocations: at })).toEqual(
      await run(zero, { base, unitLocations: at }),
    );
  });

  test('collecting keeps the entries that the intervention interchanges', async () => {
    const configuration = { ...block, intervention_type: 'CollectIntervention', interchange_dim: 3 };
    const { collectedActivations } = await new IntervenableModel(configuration, model).run({
      base,
      unitLocations: { base: 3 },
    });
    expect(collectedActivations[0]?.[0]?.shape).toEqual([1, 3]);
  });

  test('two numbers of a side that is named are two units', async () => {
    const both = { source: [1, 2], base: [3, 4] };
    const listed = { source: { positions: [1, 2] }, base: { positions: [3, 4] } };
    expect(await run(block, { base, sources: [source], unitLocations: { 'sources->base': both } })).toEqual(
      await run(block, { base, sources: [source], unitLocations: { 'sources->base': listed } }),
    );
  });

  test('a source is named by its number, also one of no group', async () => {
    const named = { ...block, source_run: 'source_1' };
    expect(await run(named, { base, sources: [base, source], unitLocations: twoToFour })).toEqual(
      await run(block, { base, sources: [source], unitLocations: twoToFour }),
    );
  });

  test("the base's own run is a source under the name 'original'", async () => {
    const own = { ...block, layer: 2, source_layer: 1, source_run: 'original' };
    const given = { ...block, layer: 2, source_layer: 1 };
    expect(await run(own, { base, unitLocations: twoToFour })).toEqual(
      await run(given, { base, sources: [base], unitLocations: twoToFour }),
    );
  });

  test('a later layer is put into an earlier one, and that into a third run', async () => {
    const chain = [
      { layer: 0, component: 'block_output', source_layer: 2, group_key: 0, target_run: 'source_1' },
      { layer: 1, component: 'block_output', source_layer: 2, group_key: 1 },
    ];
    const call = { base, sources: [source, base], unitLocations: { 'sources->base': 3 } };
    const together = await run(chain, call);
    // By hand: read, put as a constant, read, put as a constant.
    const reader = { layer: 2, component: 'block_output' } as const;
    const read = async (configuration: ConfigurationInput, of: RunArguments) => {
      const collecting = new IntervenableModel(configuration, model);
      const { collectedActivations } = await collecting.run({ ...of, logits: 'none' });
      return Float32Array.from((collectedActivations[0] ?? []).flatMap(({ data }) => [...data]));
    };
    const collect = { ...reader, intervention_type: 'CollectIntervention' } as const;
    const first = await read(collect, { base: source, unitLocations: { base: 3 } });
    const put = { layer: 0, component: 'block_output', intervention_type: 'VanillaIntervention' } as const;
    const second = await read([put, collect], {
      base,
      unitLocations: { base: 3 },
      sourceRepresentations: { 'layer_0_comp_block_output_unit_pos_nunit_1#0': first },
    });
    const expected = await run(block, {
      base,
      unitLocations: { base: 3 },
      sourceRepresentations: { 'layer_1_comp_block_output_unit_pos_nunit_1#0': second },
    });
    expect(together).toEqual(expected);
  });

  test('the lists of a call are left as they were', async () => {
    const sources = [source];
    await run([block, { ...block, component: 'mlp_output' }], { base, sources, unitLocations: twoToFour });
    expect(sources).toEqual([source]);
  });
});

describe('several at once', () => {
  test('units of the head that are one vector stay so when one of them is read', async () => {
    const at = { positions: [2, 6] };
    const intervenable = new IntervenableModel(
      {
        component: 'final_norm_output',
        layer: null,
        intervention_type: 'LowRankRotatedSpaceIntervention',
        low_rank_dimension: 4,
        max_number_of_units: 2,
      },
      model,
    );
    const call = { base, sources: [source], unitLocations: { 'sources->base': { source: at, base: at } } };
    const all = await intervenable.run(call);
    const last = await intervenable.run({ ...call, logits: 'last' });
    expect(last.intervenedOutputs.logits).toHaveLength(2);
    last.intervenedOutputs.logits.forEach(({ data }, example) => {
      const expected = all.intervenedOutputs.logits[example]?.data.slice(-data.length) ?? [];
      data.forEach((x, i) => {
        expect(x).toBeCloseTo(expected[i] ?? Number.NaN, 5);
      });
    });
  });

  test.each(['VanillaIntervention', 'RotatedSpaceIntervention'])(
    'a %s of the first entries is so after it was saved and loaded',
    async (type) => {
      const saved = new IntervenableModel({ ...block, intervention_type: type, interchange_dim: 3 }, model);
      const files = saved.save();
      const loaded = await IntervenableModel.load(
        {
          label: 'saved',
          names: () => [...files.keys()],
          read: async (name) => files.get(name) ?? new Uint8Array(),
        },
        model,
      );
      expect([...loaded.interventions.values()].map(({ interchanged }) => interchanged)).toEqual([[0, 1, 2]]);
    },
  );

  test('two subspaces of one site together are the whole', async () => {
    const half = width / 2;
    const entries = (from: number) => [[0, 1].map(() => Array.from({ length: half }, (_, i) => from + i))];
    const halves = [
      { ...block, intervention_link_key: 0, group_key: 0 },
      { ...block, intervention_link_key: 0, group_key: 0 },
    ];
    const subspaces = [...entries(0), ...entries(half)];
    expect(await run(halves, { base, sources: [source], unitLocations: twoToFour, subspaces })).toEqual(
      await run(block, { base, sources: [source], unitLocations: twoToFour }),
    );
  });

  test('linked interventions have one set of parameters, others their own', () => {
    const rotation = { low_rank_dimension: 2, intervention_type: 'LowRankRotatedSpaceIntervention' };
    const linked = { ...rotation, intervention_link_key: 0 };
    const intervenable = new IntervenableModel(
      [
        { ...linked, layer: 0 },
        { ...linked, layer: 1 },
        { ...rotation, layer: 2 },
      ],
      model,
    );
    const [first, second, third] = [...intervenable.interventions.values()];
    expect(second).toBe(first);
    expect(third?.parameters.rotation?.data).not.toEqual(first?.parameters.rotation?.data);
  });

  test('the base without interventions is returned beside them when asked for', async () => {
    const intervenable = new IntervenableModel({ ...block, intervention_type: 'ZeroIntervention' }, model);
    const { originalOutputs, intervenedOutputs } = await intervenable.run({
      base,
      unitLocations: { base: 4 },
      outputOriginalOutput: true,
      logits: 'last',
    });
    const plain = await intervenable.collect({ base, sites: [{ component: 'logits', layer: null }] });
    const vocabulary = tinyConfigurations.gpt2.vocab_size;
    expect(originalOutputs?.logits.length).toBe(base.length);
    originalOutputs?.logits.forEach(({ data, shape }, example) => {
      expect(shape).toEqual([1, vocabulary]);
      expect([...data]).toEqual([...(plain[0]?.[example]?.data.slice(-vocabulary) ?? [])]);
    });
    expect(intervenedOutputs.logits[0]?.data).not.toEqual(originalOutputs?.logits[0]?.data);
  });

  test('an attention pattern is taken from another run, head by head', async () => {
    const pattern = { layer: 1, component: 'attention_weight', unit: 'h.pos' } as const;
    const at = { heads: [1], positions: [6] };
    const swapped = await run(pattern, {
      base,
      sources: [source],
      unitLocations: { 'sources->base': { source: at, base: at } },
    });
    const plain = await run(pattern, {
      base,
      sources: [base],
      unitLocations: { 'sources->base': { source: at, base: at } },
    });
    const last = (logits: readonly number[]) => logits.slice(-tinyConfigurations.gpt2.vocab_size);
    const earlier = (logits: readonly number[]) => logits.slice(0, -tinyConfigurations.gpt2.vocab_size);
    expect(earlier(swapped[0] ?? [])).toEqual(earlier(plain[0] ?? []));
    expect(last(swapped[0] ?? [])).not.toEqual(last(plain[0] ?? []));
  });
});
