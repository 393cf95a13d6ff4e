import { beforeAll, describe, expect, test } from 'vitest';
import type { Architecture } from '../../architectures/architecture.ts';
import { architectureOf } from '../../architectures/registry.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { type Cable, emptyDocument, type PatchDocument, type Place } from './document.ts';
import { cablesOf, checkWiring, type PromptTokens, readWiringText, wiringText } from './reading.ts';
import { whyNotSerial, wiringOf } from './wiring.ts';

let architecture: Architecture;
beforeAll(() => {
  architecture = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));
});

const tokens: PromptTokens = { base: [1, 2, 3, 4, 5], sources: [[1, 9, 3, 4, 5]] };
const two: PromptTokens = { ...tokens, sources: [...tokens.sources, [1, 2, 3, 8]] };

const place = (
  run: string,
  layer: number,
  positions: Place['positions'],
  others: Partial<Place> = {},
): Place => ({
  run,
  component: 'block_output',
  layer,
  positions,
  ...others,
});

const cable = (from: Place | null, to: Place, others: Partial<Cable> = {}): Cable => ({
  id: 1,
  type: 'VanillaIntervention',
  from,
  to,
  settings: {},
  ...others,
});

const documentOf = (cables: readonly Cable[], sources = ['s'], mode: PatchDocument['mode'] = 'parallel') => ({
  ...emptyDocument,
  sources,
  mode,
  cables: cables.map((own, index) => ({ ...own, id: index + 1 })),
});

function roundTrip(document: PatchDocument, given: PromptTokens) {
  const lengthOf = ({ run }: Pick<Place, 'run'>) =>
    (run.startsWith('source_') ? given.sources[Number(run.slice(7))] : given.base)?.length ?? 0;
  const wiring = wiringOf(document, lengthOf);
  const text = wiringText(wiring);
  return { wiring, text, back: cablesOf(architecture, readWiringText(text), given) };
}

describe('cables as pyvene’s configuration', () => {
  test('one head of one position is the nested intervention of the tutorial', () => {
    const head = { component: 'head_attention_value_output', heads: [0] };
    const { text } = roundTrip(
      documentOf([cable(place('source_0', 2, [4], head), place('base', 2, [4], head))]),
      tokens,
    );
    expect(JSON.parse(text)).toEqual({
      configuration: {
        representations: [{ layer: 2, component: 'head_attention_value_output', unit: 'h.pos' }],
      },
      unit_locations: { 'sources->base': [[[[[0]], [[4]]]], [[[[0]], [[4]]]]] },
    });
  });

  test('what differs between the ends is named, and only that', () => {
    const { wiring } = roundTrip(
      documentOf([
        cable(place('source_0', 0, [1]), place('base', 2, [3], { component: 'mlp_output' })),
        cable(place('source_0', 1, [1]), place('base', 1, [1])),
      ]),
      tokens,
    );
    expect(wiring.configuration.representations).toEqual([
      { layer: 2, component: 'mlp_output', source_layer: 0, source_component: 'block_output' },
      { layer: 1, component: 'block_output' },
    ]);
    expect(wiring.unitLocations).toEqual({
      'sources->base': [
        [[[1]], [[1]]],
        [[[3]], [[1]]],
      ],
    });
  });

  test('sources into each other are named by their runs, and in series by their order', () => {
    const cables = [
      cable(place('source_0', 0, [1]), place('source_1', 0, [1])),
      cable(place('source_1', 2, [3]), place('base', 2, [4])),
    ];
    const parallel = roundTrip(documentOf(cables, ['s', 't']), two);
    expect(parallel.wiring.configuration.representations).toEqual([
      { layer: 0, component: 'block_output', group_key: 0, target_run: 'source_1' },
      { layer: 2, component: 'block_output', group_key: 1 },
    ]);
    const serial = roundTrip(documentOf(cables, ['s', 't'], 'serial'), two);
    expect(serial.wiring).toEqual({
      configuration: {
        representations: [
          { layer: 0, component: 'block_output', group_key: 0 },
          { layer: 2, component: 'block_output', group_key: 1 },
        ],
        mode: 'serial',
      },
      unitLocations: {
        'source_0->source_1': [[[[1]]], [[[1]]]],
        'source_1->base': [[[[3]]], [[[4]]]],
      },
    });
    expect(serial.back.mode).toBe('serial');
    expect(whyNotSerial([cable(place('source_0', 0, [1]), place('source_1', 0, [1]))])).toContain(
      'cable A does not',
    );
  });
});

const head = { component: 'head_attention_value_output' };
const samples: readonly (readonly [string, PatchDocument, PromptTokens])[] = [
  ['an interchange', documentOf([cable(place('source_0', 1, [1]), place('base', 1, [1]))]), tokens],
  [
    'several positions into several',
    documentOf([cable(place('source_0', 1, [1, 2]), place('base', 2, [3, 4]))]),
    tokens,
  ],
  [
    'heads at all positions',
    documentOf([
      cable(
        place('source_0', 1, 'all', { ...head, heads: [1, 2] }),
        place('base', 1, 'all', { ...head, heads: [0, 1] }),
      ),
    ]),
    tokens,
  ],
  [
    'a rotation with a partition, its subspaces and a link',
    documentOf([
      cable(place('source_0', 1, [1]), place('base', 1, [1]), {
        type: 'LowRankRotatedSpaceIntervention',
        settings: {
          lowRankDimension: 4,
          partition: [
            [0, 1],
            [1, 4],
          ],
          subspaces: [1],
          link: 0,
        },
      }),
      cable(place('source_0', 2, [1]), place('base', 2, [1]), {
        type: 'LowRankRotatedSpaceIntervention',
        settings: {
          lowRankDimension: 4,
          partition: [
            [0, 1],
            [1, 4],
          ],
          link: 0,
        },
      }),
    ]),
    tokens,
  ],
  [
    'a base into a later place of itself, beside a source',
    documentOf([
      cable(place('original', 0, [0]), place('base', 2, [4])),
      cable(place('source_0', 1, [1]), place('base', 1, [1])),
    ]),
    tokens,
  ],
  [
    'only the second source',
    documentOf([cable(place('source_1', 1, [3]), place('base', 1, [4]))], ['s', 't']),
    two,
  ],
  [
    'a source that is edited before it is taken from',
    documentOf([
      cable(null, place('source_0', 0, [1]), { type: 'ZeroIntervention' }),
      cable(place('source_0', 2, [3]), place('base', 2, [4])),
    ]),
    tokens,
  ],
  [
    'what takes nothing from a run',
    documentOf([
      cable(null, place('base', 0, [1]), { type: 'ZeroIntervention' }),
      cable(null, place('base', 1, [2, 3]), { type: 'CollectIntervention' }),
      cable(null, place('base', 1, [4]), { type: 'NoiseIntervention' }),
    ]),
    tokens,
  ],
];

test.each(samples)('%s comes back from its JSON', (_, document, given) => {
  const { back } = roundTrip(document, given);
  expect(back).toEqual({ cables: document.cables, mode: document.mode });
});

test('a constant comes back as numbers', () => {
  const width = architecture.width;
  const constant = Array.from({ length: width }, (_, i) => i / 4);
  const document = documentOf([
    cable(null, place('base', 1, [2]), { type: 'AdditionIntervention', constant }),
  ]);
  expect(roundTrip(document, tokens).back.cables).toEqual(document.cables);
});

describe('what the library refuses', () => {
  const refusal = (cables: readonly Cable[], given = two) => {
    const wiring = wiringOf(documentOf(cables, ['s', 't']), () => 5);
    return () => checkWiring(architecture, wiring, given);
  };

  test.each([
    [
      'a circle',
      [
        cable(place('source_0', 0, [1]), place('source_1', 0, [1])),
        cable(place('source_1', 0, [1]), place('source_0', 0, [1])),
        cable(place('source_1', 2, [3]), place('base', 2, [4])),
      ],
      'in a circle',
    ],
    [
      'a run into itself',
      [cable(place('source_0', 0, [1]), place('source_0', 1, [1]))],
      'takes from the run that it edits',
    ],
    [
      'a width that does not fit',
      [cable(place('source_0', 0, [1], { component: 'mlp_activation' }), place('base', 0, [1]))],
      'has width',
    ],
    [
      'another number of units',
      [cable(place('source_0', 0, [1, 2]), place('base', 0, [1]))],
      'they must be as many',
    ],
    ['a layer that does not exist', [cable(place('source_0', 77, [1]), place('base', 77, [1]))], 'Layer 77'],
  ] as const)('%s, in its own sentence', (_, cables, sentence) => {
    expect(refusal(cables)).toThrow(sentence);
  });

  test('is refused in JSON too, with the name of the field', () => {
    const read = (value: unknown) => () =>
      cablesOf(architecture, readWiringText(JSON.stringify(value)), tokens);
    expect(read({ layer: 1, component: 'blokc_output' })).toThrow("Did you mean 'block_output'");
    expect(read({ layer: 1, layr: 2 })).toThrow("'representations.0.layr'");
    expect(read({ configuration: { layer: 1 }, base: 'x' })).toThrow(
      "no field 'base' beside 'configuration'",
    );
    expect(read({ configuration: { layer: 1 }, unit_locations: [3] })).toThrow(
      "'unit_locations' must be an object",
    );
    expect(read({ configuration: { layer: 1 }, unit_locations: { 'sources->base': [3, 4] } })).toThrow(
      'can mean',
    );
    expect(() => readWiringText('{ "layer": 1')).toThrow(SyntaxError);
    expect(() => readWiringText(' '.repeat(10_000_000))).toThrow('10 million characters');
  });
});

test('pyvene’s own file of a configuration is read with its extra fields', () => {
  const { cables } = cablesOf(
    architecture,
    readWiringText(
      JSON.stringify({
        representations: [
          { layer: 1, component: 'mlp_output', unit: 'pos', max_number_of_units: 1, moe_key: null },
        ],
        intervention_types: "<class 'pyvene.models.interventions.VanillaIntervention'>",
        mode: 'parallel',
        sorted_keys: null,
        unit_locations: { 'sources->base': 3 },
      }),
    ),
    tokens,
  );
  const at = place('base', 1, [3], { component: 'mlp_output' });
  expect(cables).toEqual([cable({ ...at, run: 'source_0' }, at)]);
});
