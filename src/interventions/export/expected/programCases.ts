// The calls whose programs are run in Python: every component with every type, every form of locations, subspaces and
// constants, and several interventions together. What an exporter claims must compute the same; the rest it must refuse.

import type { Architecture, ComponentDescription } from '../../../architectures/architecture.ts';
import { standardNormal } from '../../../random/noise.ts';
import type { ConfigurationInput } from '../../configuration/configuration.ts';
import type { RunArguments } from '../../intervenableModel.ts';
import type { InterventionType, Parameters } from '../../intervention.ts';
import { interventionTypes } from '../../types/registry.ts';

export interface ProgramCase {
  readonly name: string;
  readonly configuration: ConfigurationInput;
  readonly call: RunArguments;
  readonly parameters?: Readonly<Record<string, Parameters>>;
}

/** What the cases of a model are called with: two examples each, of 5 positions at least. */
export interface CaseInputs {
  readonly base: RunArguments['base'];
  readonly source: RunArguments['base'];
  readonly other: RunArguments['base'];
}

const base = [
  [3, 17, 8, 25, 1, 20, 12],
  [9, 2, 11, 4, 28, 6, 19],
];
const source = [
  [5, 9, 21, 2, 14, 7, 19],
  [1, 1, 2, 3, 5, 8, 13],
];
const other = [
  [6, 1, 22, 3, 15, 8, 20],
  [2, 2, 3, 4, 6, 9, 14],
];
const ids: CaseInputs = { base, source, other };
const layer = 1;
const both = (units: readonly number[]) => [units, units];
const numbers = (seed: number, count: number) => [...standardNormal(seed, count)].map(Math.fround);

/** Source positions into others, of each example its own. */
const places = { 'sources->base': [[[[2], [1]]], [[[4], [3]]]] } as const;
const pairsOfPlaces = {
  'sources->base': [
    [
      [
        [2, 0],
        [5, 1],
      ],
    ],
    [
      [
        [4, 3],
        [3, 6],
      ],
    ],
  ],
} as const;

type Form = readonly [name: string, declared: Readonly<Record<string, unknown>>, call: Partial<RunArguments>];

const positionForms = ({ width }: ComponentDescription): readonly Form[] => [
  ['a place each', {}, { unitLocations: places }],
  ['one place', {}, { unitLocations: { 'sources->base': 3 } }],
  ['two places each', { max_number_of_units: 2 }, { unitLocations: pairsOfPlaces }],
  ['everywhere', {}, {}],
  ['a subspace', {}, { unitLocations: places, subspaces: [0, 2] }],
  ['a subspace each', {}, { unitLocations: places, subspaces: [[[0, 2], [1]]] }],
  ['a subspace each, as many', {}, { unitLocations: places, subspaces: [[[0], [1]]] }],
  [
    'a cell of a partition',
    {
      subspace_partition: [
        [0, 2],
        [2, width],
      ],
    },
    { unitLocations: places, subspaces: [[[1], [1]]] },
  ],
  ['the first entries', { interchange_dim: 3 }, { unitLocations: places }],
  ['some entries', { interchange_dim: [1, 3] }, { unitLocations: places }],
  ['a constant', { source_representation: numbers(3, width) }, { sources: [], unitLocations: { base: 4 } }],
  [
    'a constant each of two places',
    { source_representation: [numbers(3, width), numbers(4, width)], max_number_of_units: 2 },
    { sources: [], unitLocations: { base: { positions: [4, 1] } } },
  ],
  ['another layer', { source_layer: 0 }, { unitLocations: places }],
  ['the run without interventions', { source_run: 'original' }, { unitLocations: places }],
];

const headForms = (description: ComponentDescription): readonly Form[] => {
  const { heads = 1, width, layout } = description;
  const last = heads - 1;
  const all: Form[] = [
    ['one head', { unit: 'h' }, { unitLocations: { 'sources->base': last } }],
    ['a head of its own', { unit: 'h' }, { unitLocations: { 'sources->base': { source: 0, base: last } } }],
    ['heads each', { unit: 'h' }, { unitLocations: { 'sources->base': [[[[0], [last]]], [[[last], [0]]]] } }],
    [
      'a head at a place',
      { unit: 'h.pos' },
      { unitLocations: { 'sources->base': [[[both([0]), both([2])]], [[both([last]), both([4])]]] } },
    ],
    ['all heads', { unit: 'h' }, {}],
  ];
  if (heads > 1)
    all.push(
      [
        'two heads',
        { unit: 'h', max_number_of_units: 2 },
        { unitLocations: { 'sources->base': { source: { heads: [0, 1] }, base: { heads: [1, 0] } } } },
      ],
      [
        'two heads at two places',
        { unit: 'h.pos', max_number_of_units: 2 },
        {
          unitLocations: {
            'sources->base': {
              source: { heads: [0, 1], positions: [2, 5] },
              base: { heads: [1, 0], positions: [3, 1] },
            },
          },
        },
      ],
    );
  if (layout === 'head')
    all.push(
      [
        'a subspace of a head',
        { unit: 'h.pos' },
        {
          unitLocations: { 'sources->base': [[[both([0]), both([2])]], [[both([last]), both([4])]]] },
          subspaces: [1],
        },
      ],
      [
        'a constant of a head',
        { unit: 'h.pos', source_representation: numbers(3, width) },
        { sources: [], unitLocations: { base: { heads: [last], positions: [4] } } },
      ],
    );
  return all;
};

function typeFields({ name }: InterventionType): Readonly<Record<string, unknown>> {
  if (name === 'AutoencoderIntervention') return { latent_dim: 5 };
  if (/LowRank|JumpReLU|LoRA|[Rr]eft/.test(name)) return { low_rank_dimension: 2 };
  return {};
}

/** Parameters of which zeros or ones would hide what they do; others start as their type says. */
function typeParameters({ name }: InterventionType, width: number): Parameters | undefined {
  const filled = (seed: number, ...shape: readonly number[]) => ({
    data: Float32Array.from(
      numbers(
        seed,
        shape.reduce((all, size) => all * size, 1),
      ),
    ),
    shape,
  });
  if (name === 'PCARotatedSpaceIntervention')
    return {
      components: filled(1, 2, width),
      mean: filled(2, width),
      std: { data: new Float32Array(width).fill(1.5), shape: [width] },
    };
  if (name === 'JumpReLUAutoencoderIntervention')
    return {
      W_enc: filled(1, width, 2),
      W_dec: filled(2, 2, width),
      threshold: { data: new Float32Array(2).fill(0.1), shape: [2] },
      b_enc: filled(3, 2),
      b_dec: filled(4, width),
    };
  if (name === 'SigmoidMaskIntervention')
    return { mask: filled(1, width), temperature: { data: new Float32Array([1.5]), shape: [1] } };
  return undefined;
}

const keyOf = (component: string, unit: string, at = layer) =>
  `${component.includes('.') ? '' : `layer_${at}_`}comp_${component}_unit_${unit}_nunit_1#0`.replaceAll(
    '.',
    '_',
  );

/** @returns every case on a model; a case that the model itself refuses is no case */
export function programCases(architecture: Architecture, inputs = ids): readonly ProgramCase[] {
  const { base, source } = inputs;
  const cases: ProgramCase[] = [];
  for (const description of architecture.components) {
    const { name: component, layout } = description;
    const { scope, layers } = description;
    const at = layers && !layers.includes(layer) ? (layers[0] ?? layer) : layer;
    const place = { layer: scope === 'layer' ? at : 0, component };
    const forms = layout === 'token' ? positionForms(description) : headForms(description);
    for (const [form, declared, call] of forms)
      cases.push({
        name: `${component}, ${form}`,
        configuration: { ...place, ...declared },
        call: { base, sources: [source], ...call },
      });
    for (const type of interventionTypes) {
      const unit = layout === 'token' ? 'pos' : 'h.pos';
      const unitLocations =
        layout === 'token'
          ? type.name === 'NoiseIntervention'
            ? { 'sources->base': { positions: [1, 2, 3, 5] } }
            : places
          : { 'sources->base': [[[both([0]), both([2])]], [[both([0]), both([4])]]] };
      const given = typeParameters(type, description.width);
      cases.push({
        name: `${component}, ${type.name}`,
        configuration: { ...place, unit, intervention_type: type.name, ...typeFields(type) },
        call: {
          base,
          sources: type.source === 'run' || type.source === 'otherInput' ? [source] : [],
          unitLocations,
        },
        ...(given ? { parameters: { [keyOf(component, unit, place.layer)]: given } } : {}),
      });
      // Subspaces of a call, where the type takes them.
      if (type.subspaceWidth && /^(head_value|block|key)_output$/.test(component)) {
        const last = cases.at(-1);
        if (last)
          cases.push(
            { ...last, name: `${last.name}, in a subspace`, call: { ...last.call, subspaces: [1] } },
            {
              ...last,
              name: `${last.name}, in a subspace each`,
              call: { ...last.call, subspaces: [[[0], [1]]] },
            },
          );
      }
    }
  }
  return [...cases, ...together(architecture, inputs)];
}

/** Several interventions in one call, and types that act on several units. */
function together(
  { width, headCount: heads, components }: Architecture,
  { base, source, other }: CaseInputs,
): readonly ProgramCase[] {
  const headWidth = components.find(({ name }) => name === 'head_attention_value_output')?.width ?? 1;
  const call = { base, sources: [source] };
  const locations = {
    'sources->base': [
      [both([3]), both([2])],
      [both([5]), both([4])],
    ],
  };
  const at = (component: string, more: object = {}) => ({ layer, component, ...more });
  const pair = (first: object, second: object) => [first, second] as ConfigurationInput;
  const one = (name: string, configuration: ConfigurationInput, of: RunArguments): ProgramCase => ({
    name,
    configuration,
    call: of,
  });
  return [
    one(
      'two of one source',
      pair(at('attention_output', { group_key: 0 }), at('mlp_output', { group_key: 0 })),
      {
        ...call,
        unitLocations: locations,
      },
    ),
    one(
      'two declared backwards',
      pair(at('mlp_output', { group_key: 0 }), { ...at('block_output', { group_key: 0 }), layer: 0 }),
      {
        ...call,
        unitLocations: locations,
      },
    ),
    one('two of two sources', pair(at('attention_output'), at('mlp_output')), {
      base,
      sources: [source, other],
      unitLocations: locations,
    }),
    one('two of two sources, one given', pair(at('attention_output'), at('mlp_output')), {
      ...call,
      unitLocations: locations,
    }),
    one(
      'two at one site',
      pair(at('mlp_output'), at('mlp_output', { intervention_type: 'AdditionIntervention' })),
      {
        base,
        sources: [source, other],
        unitLocations: { 'sources->base': 3 },
      },
    ),
    one(
      'two at one site, the first zero',
      pair(
        at('mlp_output', { intervention_type: 'ZeroIntervention' }),
        at('mlp_output', { intervention_type: 'AdditionIntervention' }),
      ),
      { base, sources: [null, other], unitLocations: { 'sources->base': 3 } },
    ),
    one('one left out', pair(at('attention_output'), at('mlp_output')), {
      base,
      sources: [source, other],
      unitLocations: {
        'sources->base': [
          [null, both([2])],
          [null, both([4])],
        ],
      },
    }),
    one(
      'in series',
      { representations: [at('mlp_output'), at('block_output')], mode: 'serial' },
      {
        base,
        sources: [source, other],
        unitLocations: { 'source_0->source_1': 3, 'source_1->base': { source: 3, base: 5 } },
      },
    ),
    one(
      'a zero beside a source',
      pair(at('attention_output', { intervention_type: 'ZeroIntervention' }), at('mlp_output')),
      { base, sources: [null, source], unitLocations: { 'sources->base': 4 } },
    ),
    one(
      'linked rotations',
      pair(
        at('attention_output', {
          intervention_type: 'LowRankRotatedSpaceIntervention',
          low_rank_dimension: 2,
          intervention_link_key: 0,
        }),
        at('mlp_output', {
          intervention_type: 'LowRankRotatedSpaceIntervention',
          low_rank_dimension: 2,
          intervention_link_key: 0,
        }),
      ),
      { base, sources: [source, other], unitLocations: locations },
    ),
    one(
      'a rotation of two places',
      at('block_output', {
        intervention_type: 'RotatedSpaceIntervention',
        max_number_of_units: 2,
        interchange_dim: 5,
      }) as ConfigurationInput,
      { ...call, unitLocations: pairsOfPlaces },
    ),
    one(
      'directions of a rotation',
      at('block_output', {
        intervention_type: 'LowRankRotatedSpaceIntervention',
        low_rank_dimension: 3,
      }) as ConfigurationInput,
      { ...call, unitLocations: places, subspaces: [0, 2] },
    ),
    one('a constant of the call', at('mlp_output') as ConfigurationInput, {
      base,
      unitLocations: { base: 4 },
      sourceRepresentations: { [keyOf('mlp_output', 'pos')]: Float32Array.from(numbers(6, width)) },
    }),
    one('constants of the call', at('mlp_output') as ConfigurationInput, {
      base,
      unitLocations: { base: { positions: [4, 2] } },
      sourceRepresentations: { [keyOf('mlp_output', 'pos')]: Float32Array.from(numbers(6, 2 * width)) },
    }),
    one(
      'constants of the call for heads',
      at('head_attention_value_output', { unit: 'h.pos' }) as ConfigurationInput,
      {
        base,
        unitLocations: { base: { positions: [4, 2, 0], heads: [0, heads - 1] } },
        sourceRepresentations: {
          [keyOf('head_attention_value_output', 'h.pos')]: Float32Array.from(numbers(6, 6 * headWidth)),
        },
      },
    ),
    one(
      'a constant beside a rotation',
      pair(
        at('block_output', { intervention_type: 'RotatedSpaceIntervention' }),
        at('mlp_output', { source_representation: numbers(3, width) }),
      ),
      { base, sources: [source, null], unitLocations: { 'sources->base': 4 } },
    ),
    one(
      'a source run that is edited',
      pair(at('mlp_output', { target_run: 'source_0', source_run: 'source_1' }), at('block_output')),
      { base, sources: [source, other], unitLocations: { 'sources->base': 3 } },
    ),
  ];
}
