// What is refused, and in which words: each message names the field, what was given and what would be right.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { readConfiguration } from './configuration/configuration.ts';
import { IntervenableModel, type RunArguments } from './intervenableModel.ts';
import { InterventionError } from './intervention.ts';

const base = [[3, 17, 8, 25, 1, 30, 12]];
const source = [[5, 9, 21, 2, 14, 7, 19]];
const block = { layer: 1, component: 'block_output' };
const rotated = { ...block, intervention_type: 'LowRankRotatedSpaceIntervention', low_rank_dimension: 4 };

let backend: Backend;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
});
afterAll(async () => {
  await model.dispose();
  await backend.close();
});

const inconfigurable: readonly (readonly [string, unknown, string])[] = [
  [
    'a component that does not exist',
    { component: 'mlp_out' },
    "representations.0: Component 'mlp_out' does not exist in gpt2. Did you mean 'mlp_input' or 'mlp_output'? Known: embedding_output, block_input,",
  ],
  [
    'a layer that does not exist',
    { layer: 9 },
    "representations.0: Layer 9 of 'block_output' does not exist",
  ],
  [
    'a type that does not exist',
    { intervention_type: 'VanilaIntervention' },
    "representations.0: the intervention type 'VanilaIntervention' is not known. Did you mean 'VanillaIntervention'",
  ],
  ['a field that does not exist', { layers: 3 }, "'representations.0.layers': There is no such field."],
  [
    'a unit that does not exist',
    { unit: 't' },
    "'representations.0.unit': The unit must be 'pos', 'h' or 'h.pos'.",
  ],
  [
    'heads of a component without heads',
    { unit: 'h' },
    "representations.0.unit: 'block_output' has no heads, so its unit is 'pos', not 'h'. Its per-head form, where it has one, is 'head_block_output'.",
  ],
  [
    'positions of a component of heads',
    { component: 'head_query_output' },
    "representations.0.unit: 'head_query_output' is one for each head, so its unit is 'h' or 'h.pos', not 'pos'.",
  ],
  [
    'a source of another width',
    { source_component: 'mlp_activation' },
    "representations.0: the source 'mlp_activation' has width 64, and 'block_output' has width 16.",
  ],
  [
    'a rank that is missing',
    { intervention_type: 'LowRankRotatedSpaceIntervention' },
    "representations.0: a LowRankRotatedSpaceIntervention needs 'low_rank_dimension'.",
  ],
  [
    'a rank wider than the component',
    { ...rotated, low_rank_dimension: 17 },
    'representations.0.low_rank_dimension: 17 directions do not fit into vectors of width 16.',
  ],
  [
    'a partition with a gap',
    {
      ...rotated,
      subspace_partition: [
        [0, 2],
        [3, 4],
      ],
    },
    'representations.0.subspace_partition: it does not cover entry 2; together its subspaces must hold 0 to 3.',
  ],
  [
    'a partition that overlaps',
    {
      ...rotated,
      subspace_partition: [
        [0, 3],
        [2, 4],
      ],
    },
    'representations.0.subspace_partition: some entry lies in two of its subspaces.',
  ],
  [
    'a link between types',
    [
      { ...block, intervention_link_key: 0 },
      { ...block, intervention_link_key: 0, intervention_type: 'AdditionIntervention' },
    ],
    'representations.1: it is linked with representations.0, which is a VanillaIntervention, and is itself a AdditionIntervention. Linked interventions have one type.',
  ],
  [
    'a link between widths',
    [
      { ...block, intervention_link_key: 0 },
      { component: 'mlp_activation', intervention_link_key: 0 },
    ],
    'representations.1: it is linked with representations.0, whose vectors have width 16; its own have width 64.',
  ],
  [
    'groups with a gap',
    [
      { ...block, group_key: 0 },
      { ...block, group_key: 2 },
    ],
    'The groups are 0, 2; they are the places of their sources, so they must count 0, 1, 2, ... without a gap.',
  ],
  [
    'a group for some only',
    [{ ...block, group_key: 0 }, block],
    "'representations.1.group_key' is missing; when one intervention names its group, all must.",
  ],
  [
    'types of another number',
    { representations: [block], intervention_types: ['ZeroIntervention', 'ZeroIntervention'] },
    "'intervention_types' has 2 entries, and there are 1 representations.",
  ],
  [
    'a constant for a type that takes none',
    { ...block, intervention_type: 'ZeroIntervention', source_representation: [1] },
    'representations.0: a ZeroIntervention takes no source, constant or not.',
  ],
  [
    'a module that cannot be skipped',
    { component: 'mlp_activation', intervention_type: 'SkipIntervention' },
    "representations.0: 'mlp_activation' is not what a module returns, so no input belongs to it.",
  ],
  [
    'another site for a type that reads what enters its module',
    { component: 'mlp_output', intervention_type: 'SkipIntervention', source_layer: 0 },
    'representations.0: a SkipIntervention reads what enters its module, so it cannot name another source.',
  ],
  [
    'a run for a type that takes none',
    { ...block, intervention_type: 'ZeroIntervention', source_run: 'original' },
    'representations.0.source_run: a ZeroIntervention takes nothing from another run.',
  ],
  [
    'a layer beside a constant',
    { ...block, source_layer: 0, source_representation: [1] },
    'representations.0.source_layer: it takes a constant, so it cannot also take from a run.',
  ],
  [
    'a link whose second one interchanges other entries',
    [
      { ...block, intervention_link_key: 0 },
      { ...block, layer: 2, intervention_link_key: 0, interchange_dim: 3 },
    ],
    'representations.1.interchange_dim: it is linked with representations.0, which interchanges other entries.',
  ],
  [
    'a principal component analysis without components',
    { ...block, intervention_type: 'PCARotatedSpaceIntervention' },
    'has no parameters to start from',
  ],
];

test.each(inconfigurable)('a configuration with %s is refused', (_, configuration, message) => {
  const declare = () => new IntervenableModel(readConfiguration(configuration), model);
  expect(declare).toThrow(InterventionError);
  expect(declare).toThrow(message);
});

test('parameters of an intervention that does not exist are refused', () => {
  expect(() => new IntervenableModel(block, model, { parameters: { first: {} } })).toThrow(
    "parameters: there is no intervention 'first'. There are: layer_1_comp_block_output_unit_pos_nunit_1#0.",
  );
});

const uncallable: readonly (readonly [string, unknown, Partial<RunArguments>, string])[] = [
  [
    'two numbers that mean two things',
    block,
    { unitLocations: { 'sources->base': [3, 4] } },
    'unit_locations.sources->base: [3, 4] can mean source 3 into base 4, or both of them on both sides. Write { "source": 3, "base": 4 } for the first',
  ],
  [
    'two positions of the base alone, which pyvene takes for a pair',
    { ...block, intervention_type: 'ZeroIntervention' },
    { unitLocations: { base: [1, 2] } },
    'unit_locations.base: [1, 2] can mean',
  ],
  [
    'more source than base locations',
    block,
    { unitLocations: { 'sources->base': [[[[1, 2]]], [[[3]]]] } },
    'representations.0: the source names 2 units and the base 1; they must be as many.',
  ],
  [
    'no source',
    block,
    { sources: [] },
    "representations.0: it takes from 'source_0', and the call gives no source there.",
  ],
  [
    'a group without a source',
    [
      { ...block, group_key: 0 },
      { ...block, component: 'mlp_output', group_key: 1 },
    ],
    { sources: [source, null] },
    "representations.1: it takes from 'source_1', and the call gives no source there.",
  ],
  [
    'more sources than groups',
    block,
    { sources: [source, source] },
    "'sources' has 2 entries, and there are 1 sources to take from.",
  ],
  [
    'a source of another number of examples',
    block,
    { sources: [[...source, ...source]] },
    "representations.0: 'source_0' has 2 examples, and the base has 1.",
  ],
  [
    'locations of another number of examples',
    block,
    { unitLocations: { 'sources->base': [[[[1], [2]]], [[[3], [4]]]] } },
    'unit_locations.sources->base.0: [[3],[4]] has locations for 2 examples, and the batch has 1.',
  ],
  [
    'locations under another name',
    block,
    { unitLocations: { 'source->base': 3 } },
    "unit_locations: there is no 'source->base'; in this configuration it has 'sources->base', 'base'.",
  ],
  [
    'a position that does not exist',
    block,
    { unitLocations: { 'sources->base': 7 } },
    'Position 7 does not exist: the sequence has positions 0 to 6.',
  ],
  [
    'a position counted from the end',
    block,
    { unitLocations: { 'sources->base': -1 } },
    'Position -1 does not exist',
  ],
  [
    'a position in the padding',
    block,
    {
      base: { inputIds: [[0, 0, 3, 4]], attentionMask: [[0, 0, 1, 1]] },
      unitLocations: { 'sources->base': 1 },
    },
    'representations.0: Position 1 lies in the padding; the prompt has positions 2 to 3.',
  ],
  [
    'a subspace that does not exist',
    {
      ...rotated,
      subspace_partition: [
        [0, 2],
        [2, 4],
      ],
    },
    { subspaces: 2 },
    'subspaces.0: subspace 2 does not exist; there are 0 to 1.',
  ],
  [
    'an entry that does not exist',
    block,
    { subspaces: [0, 16] },
    'subspaces.0: entry 16 does not exist; there are 0 to 15.',
  ],
  [
    'subspaces of a type that learns its width',
    { ...block, intervention_type: 'BoundlessRotatedSpaceIntervention' },
    { subspaces: 1 },
    'representations.0: a BoundlessRotatedSpaceIntervention learns how much of each entry it interchanges, and takes no subspaces.',
  ],
  [
    'more units than the parameters are for',
    rotated,
    { unitLocations: { 'sources->base': [[[[1, 2]]], [[[3, 4]]]] } },
    "representations.0: it acts on 1 units of 'block_output' as one vector (max_number_of_units), and the call names 2.",
  ],
  [
    'a constant of another length',
    { ...block, source_representation: [1, 2, 3] },
    { unitLocations: { base: 3 } },
    'representations.0: the constant source has 3 numbers; it must have 16 (one vector).',
  ],
  [
    'a source that is its own target',
    { ...block, source_run: 'base' },
    {},
    "representations.0: it takes from the run that it edits, 'base'. 'original' is the base without interventions.",
  ],
  [
    'a circle of sources',
    [
      { ...block, group_key: 0, source_run: 'source_1', target_run: 'source_0' },
      { ...block, group_key: 1, source_run: 'source_0', target_run: 'source_1' },
    ],
    { sources: [source, source] },
    'take from each other in a circle; a run cannot wait for itself.',
  ],
  [
    'a run that the call does not give',
    { ...block, source_run: 'source_1' },
    { sources: [source] },
    "representations.0: it names 'source_1', and 'sources' has 1 entry.",
  ],
  [
    'both sides and the base beside them',
    block,
    { unitLocations: { 'sources->base': 3, base: 1 } },
    "unit_locations: it has both 'sources->base' and 'base'.",
  ],
  [
    'positions alone where heads are needed too',
    { layer: 1, component: 'head_query_output', unit: 'h.pos' },
    { unitLocations: { 'sources->base': [0, 1, 2] } },
    "names one kind of unit, and the unit 'h.pos' needs heads and positions",
  ],
  ['no subspace at all', block, { subspaces: [] }, 'it names no entry, so nothing would be changed.'],
  ['a location of nothing', block, { unitLocations: { base: {} } }, "names neither 'positions' nor 'heads'."],
  [
    'two heads at one position into one head at two',
    { layer: 1, component: 'head_query_output', unit: 'h.pos' },
    {
      unitLocations: {
        'sources->base': {
          source: { heads: [0, 1], positions: [2] },
          base: { heads: [0], positions: [2, 3] },
        },
      },
    },
    'representations.0: the source names 2 heads and the base 1; they must be as many.',
  ],
  [
    'activations for a type that takes none',
    { ...block, intervention_type: 'ZeroIntervention' },
    {
      sourceRepresentations: { 'layer_1_comp_block_output_unit_pos_nunit_1#0': new Float32Array(16) },
      unitLocations: { base: 3 },
    },
    "sourceRepresentations: a ZeroIntervention ('layer_1_comp_block_output_unit_pos_nunit_1#0') takes no source.",
  ],
  ['no example', block, { base: { inputIds: [] } }, 'base: there is no prompt.'],
  ['text without a tokenizer', block, { base: 'The' }, 'base: a prompt as text needs a tokenizer.'],
  ['an empty batch', block, { base: [] }, 'base: there is no prompt.'],
  [
    'activations of an intervention that does not exist',
    block,
    { sourceRepresentations: { first: new Float32Array(16) } },
    "sourceRepresentations: there is no intervention 'first'. There are: layer_1_comp_block_output_unit_pos_nunit_1#0.",
  ],
];

test.each(uncallable)('a call with %s is refused', async (_, configuration, call, message) => {
  const intervenable = new IntervenableModel(readConfiguration(configuration), model);
  const attempt = intervenable.run({
    base,
    sources: [source],
    unitLocations: { 'sources->base': { source: 2, base: 4 } },
    ...call,
  });
  const complaint = await attempt.then(
    () => 'nothing was refused',
    (error: unknown) => (error instanceof Error ? error.message : ''),
  );
  expect(complaint).toContain(message);
});

test('what pyvene would not restrict to some directions is not saved', () => {
  const restricted = new IntervenableModel({ ...rotated, interchange_dim: 2 }, model);
  expect(() => restricted.save()).toThrow("ignores 'interchange_dim'");
});
