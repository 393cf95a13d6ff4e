// What a caller may hand over: names that are not read are refused, and what other libraries return is taken.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { IntervenableModel, type RunArguments } from './intervenableModel.ts';
import { InterventionError } from './intervention.ts';

let backend: Backend;
let model: Model;
let patch: IntervenableModel;
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint(tinyConfigurations.llama), backend);
  patch = new IntervenableModel({ layer: 0, component: 'block_output' }, model);
});
afterAll(async () => {
  await model.dispose();
  await backend.close();
});

const [base, source] = [
  [5, 17, 3, 30],
  [5, 21, 3, 8],
];
const at = { 'sources->base': 3 };

/** The call as JavaScript makes it, whose objects nothing has checked. */
const run = async (call: object, options: object = {}) =>
  // What a type would refuse is what is tested.
  (await patch.run(call as RunArguments, options)).intervenedOutputs.logits.map(({ data }) => [...data]);

test.each<readonly [string, object, string]>([
  [
    "pyvene's word for locations",
    { base, sources: [source], unit_locations: at },
    "The call: there is no 'unit_locations'. Did you mean 'unitLocations'? There are: 'base', 'sources', 'unitLocations',",
  ],
  [
    "pyvene's word for constants",
    { base, activations_sources: {} },
    "The call: there is no 'activations_sources'. Did you mean 'sourceRepresentations'?",
  ],
  ['a misspelt word', { base, sources: [source], unitLocation: at }, "Did you mean 'unitLocations'?"],
  [
    "transformers' word for the mask",
    { base: { inputIds: [base], attention_mask: [[1, 1, 1, 1]] }, sources: [source] },
    "base: there is no 'attention_mask'. Did you mean 'attentionMask'? There are: 'inputIds', 'attentionMask'.",
  ],
  [
    "transformers' word for the ids",
    { base: { input_ids: [base] }, sources: [source] },
    "base: there is no 'input_ids'. Did you mean 'inputIds'?",
  ],
  [
    'another word of transformers',
    { base, sources: [{ inputIds: [source], token_type_ids: [[0]] }] },
    "sources.0: there is no 'token_type_ids'. These models know no types of tokens; leave it out.",
  ],
  [
    'logits of no known position',
    { base, sources: [source], logits: 'final' },
    "'logits' must be 'all', 'last', 'none', not \"final\".",
  ],
  [
    'sources that are not a list',
    { base, sources: 'The' },
    'sources: a list with one entry for each source is expected, not "The". Write ["The"].',
  ],
  ['an object that is no prompt', { base: { 0: 5 } }, "base: there is no '0'."],
  ['a number', { base: 5 }, "base: an object with 'inputIds', 'attentionMask' is expected, not 5."],
  [
    'ids that are not numbers',
    { base: [[5, 'a']] },
    'is neither a prompt nor a list of them. Give text, token ids,',
  ],
  [
    'a tensor whose sizes do not fit',
    { base: { dims: [2, 3], data: [1, 2] } },
    'base: a tensor of token ids is [positions] or [examples, positions]; this one is [2, 3] and has 2 entries.',
  ],
  [
    'a location beside source and base',
    { base, sources: [source], unitLocations: { 'sources->base': { source: 1, bases: 3 } } },
    "unit_locations.sources->base: there is no 'bases'. Did you mean 'base'?",
  ],
  [
    'a location of another word',
    { base, sources: [source], unitLocations: { 'sources->base': { position: [1] } } },
    "a location: there is no 'position'. Did you mean 'positions'?",
  ],
  [
    'a text that is not a location',
    { base, sources: [source], unitLocations: { 'sources->base': 'end' } },
    'unit_locations.sources->base: "end" is not a location. Write a number, \'last\'',
  ],
  [
    'a position counted from the end',
    { base, sources: [source], unitLocations: { 'sources->base': -1 } },
    "Position -1 does not exist: the sequence has positions 0 to 3, counted from the first; 'last' is the last.",
  ],
  [
    'a constant that is not a list',
    { base, sourceRepresentations: { 'layer_0_comp_block_output_unit_pos_nunit_1#0': 'x' } },
    'a Float32Array, a list of numbers or a tensor is expected, not "x".',
  ],
])('%s is refused with the right one', async (_, call, sentence) => {
  const ended = await run(call).catch((error: unknown) => error);
  expect(ended).toBeInstanceOf(InterventionError);
  expect(String(ended)).toContain(sentence);
});

test('options, sites, languages and parameters are checked as well', async () => {
  const call = { base, sources: [source], unitLocations: at };
  await expect(run(call, { onprogress: () => undefined })).rejects.toThrow(
    "options: there is no 'onprogress'. Did you mean 'onProgress'?",
  );
  const make = (options: object) => () => new IntervenableModel({ layer: 0 }, model, options);
  expect(make({ parameter: {} })).toThrow("options: there is no 'parameter'. Did you mean 'parameters'?");
  const whole = { model, device: 'node' } as unknown as Model;
  expect(() => new IntervenableModel({ layer: 0 }, whole)).toThrow(
    "model: a Model is expected: the 'model' of what loadModel returns, not the whole of it.",
  );
  // What a type would refuse is what is tested.
  const collect = (sites: unknown) => patch.collect({ base, sites: sites as [] });
  await expect(collect([{ component: 'block_output', layers: 0 }])).rejects.toThrow(
    "sites.0: there is no 'layers'. Did you mean 'layer'?",
  );
  await expect(collect('block_output')).rejects.toThrow('sites: a list of { component, layer } is expected');
  expect(() => patch.exportCode('pytorch' as 'pyvene', call)).toThrow(
    "The language of a program must be 'pyvene', 'transformerLens', 'nnsight', 'typescript', not \"pytorch\".",
  );
});

test('ids of 64 bits, typed arrays and tensors are the prompts that their numbers are', async () => {
  const sources = [source];
  const wanted = await run({ base: [base, source], sources, unitLocations: at });
  const bigints = BigInt64Array.from([...base, ...source], BigInt);
  const forms: readonly object[] = [
    [base.map(BigInt), source.map(BigInt)],
    [BigInt64Array.from(base, BigInt), Int32Array.from(source)],
    { dims: [2, 4], data: bigints, type: 'int64' },
    [
      { dims: [4], data: bigints.slice(0, 4) },
      { dims: [1, 4], data: bigints.slice(4) },
    ],
    { inputIds: { dims: [2, 4], data: bigints } },
    { inputIds: [base, source], attentionMask: { dims: [2, 4], data: new BigInt64Array(8).fill(1n) } },
  ];
  for (const form of forms) expect(await run({ base: form, sources, unitLocations: at })).toEqual(wanted);
  // The source of one prompt serves each example.
  expect(await run({ base: [base, source], sources: [[source, source]], unitLocations: at })).toEqual(wanted);
});

test("'last' is the last position of each prompt, whatever its length", async () => {
  const short = base.slice(0, 3);
  const of = (each: readonly number[], position: number | 'last') =>
    run({ base: each, sources: [source], unitLocations: { 'sources->base': { source: 3, base: position } } });
  const both = await run({
    base: [base, short],
    sources: [source],
    unitLocations: { 'sources->base': { source: 'last', base: { positions: 'last' } } },
  });
  expect(both).toEqual([...(await of(base, 3)), ...(await of(short, 2))]);
});

test('a call that takes from a later layer is one run to whoever follows it', async () => {
  const late = new IntervenableModel({ layer: 0, component: 'block_output', source_layer: 2 }, model);
  const seen: (readonly [number, number])[] = [];
  await late.run(
    { base, sources: [source], unitLocations: at },
    { onProgress: (done, total) => seen.push([done, total]) },
  );
  const totals = new Set(seen.map(([, total]) => total));
  expect(totals.size).toBe(1);
  expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).toSorted((a, b) => a - b));
  // Three layers of the source, then three of the base.
  expect([seen[0], seen.at(-1)]).toEqual([
    [0, 6],
    [6, 6],
  ]);
});
