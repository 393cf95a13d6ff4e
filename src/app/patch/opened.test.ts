import { beforeAll, expect, test } from 'vitest';
import type { Architecture } from '../../architectures/architecture.ts';
import { architectureOf } from '../../architectures/registry.ts';
import { readInterveneExperiment } from '../../experiments/intervene/experiment.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { type Cable, emptyDocument, type PatchDocument, type Place, swappedRuns } from './document.ts';
import { documentOf, experimentIn } from './opened.ts';
import { cablesOf, wiringIn } from './reading.ts';
import { wiringOf } from './wiring.ts';

let architecture: Architecture;
beforeAll(() => {
  architecture = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));
});

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
const head = { component: 'head_attention_value_output' };
const cable = (id: number, from: Place | null, to: Place, others: Partial<Cable> = {}): Cable => ({
  id,
  type: 'VanillaIntervention',
  from,
  to,
  settings: {},
  ...others,
});

const documents: readonly (readonly [string, Partial<PatchDocument>])[] = [
  ['nothing but prompts', {}],
  [
    'cables of every unit',
    {
      cables: [
        cable(1, place('source_0', 1, [1, 2]), place('base', 2, [3, 4])),
        cable(
          2,
          place('source_0', 1, 'all', { ...head, heads: [1] }),
          place('base', 1, 'all', { ...head, heads: [0] }),
        ),
        cable(
          3,
          place('source_0', 1, [1], { ...head, heads: [1] }),
          place('base', 2, [4], { ...head, heads: [0] }),
        ),
        cable(4, null, place('base', 0, [2]), { type: 'ZeroIntervention' }),
        cable(5, null, place('base', 0, [3]), { type: 'AdditionIntervention', constant: [1, 2.5, -3] }),
        cable(6, place('original', 0, [0]), place('base', 2, [4])),
      ],
    },
  ],
  [
    'sources into each other, in series',
    {
      sources: ['s', 't'],
      mode: 'serial',
      cables: [
        cable(1, place('source_0', 0, [1]), place('source_1', 0, [1])),
        cable(2, place('source_1', 2, [3]), place('base', 2, [4])),
      ],
    },
  ],
  [
    'a subspace, a view, corrections, a seed and what is watched',
    {
      cables: [
        cable(1, place('source_0', 1, [1]), place('base', 1, [1]), {
          type: 'RotatedSpaceIntervention',
          settings: {
            partition: [
              [0, 2],
              [2, 8],
            ],
            subspaces: [1],
            link: 0,
          },
        }),
      ],
      view: { component: 'head_query_output', columns: 'head', head: null },
      corrections: [{ 2: null, 3: 4 }],
      answer: ' a',
      distractor: 7,
      seed: 3,
      pairs: [{ clean: 's', corrupted: 'b', answer: ' a' }],
    },
  ],
];

test.each(documents)('%s: a document comes back from its experiment, without a model', (_, parts) => {
  const document = { ...emptyDocument, base: 'b', sources: ['s'], ...parts };
  const wiring = document.cables.length === 0 ? null : wiringOf(document, () => 5);
  const experiment = readInterveneExperiment(
    JSON.parse(JSON.stringify(experimentIn(document, 'tiny', undefined, wiring))),
  );
  expect(documentOf(experiment)).toEqual(document);
});

test('shorthands are read as the library reads them', () => {
  const forms: readonly unknown[] = [
    { configuration: { layer: 1 }, unitLocations: { 'sources->base': 3 } },
    { configuration: { layer: 1 }, unitLocations: { 'sources->base': { source: 1, base: 3 } } },
    { configuration: { layer: 1 }, unitLocations: { 'sources->base': { positions: [1, 2] } } },
    {
      configuration: [{ layer: 1 }, { layer: 2, component: 'mlp_output' }],
      unitLocations: { 'sources->base': 3 },
    },
    { configuration: { layer: 1, intervention_type: 'ZeroIntervention' }, unitLocations: { base: 3 } },
    {
      configuration: { layer: 1, component: head.component, unit: 'h.pos' },
      unitLocations: { 'sources->base': { heads: [1], positions: [2] } },
    },
    {
      configuration: [{ layer: 1 }, { layer: 2 }],
      unitLocations: {
        'sources->base': [
          [[[1]], [[2]]],
          [[[3]], [[4]]],
        ],
      },
    },
  ];
  for (const form of forms) {
    const experiment = readInterveneExperiment({
      kind: 'intervene',
      version: 1,
      model: 'm',
      base: 'b',
      sources: ['s'],
      ...(form as object),
    });
    const library = cablesOf(architecture, wiringIn(form), {
      base: [1, 2, 3, 4, 5],
      sources: [[1, 2, 3, 4, 5]],
    });
    expect(documentOf(experiment).cables, JSON.stringify(form)).toEqual(library.cables);
  }
});

test('what only a model could tell is refused with the way on', () => {
  const read = (fields: object) => () =>
    documentOf(
      readInterveneExperiment({
        kind: 'intervene',
        version: 1,
        model: 'm',
        base: 'b',
        sources: ['s'],
        ...fields,
      }),
    );
  expect(read({ configuration: { layer: 1, component: head.component, unit: 'h' } })).toThrow(
    'Paste the configuration',
  );
  expect(read({ base: [1, 2] })).toThrow('token ids');
});

test('swapped runs swap what is watched and the table, and back again', () => {
  const document = {
    ...emptyDocument,
    base: 'b',
    sources: ['s'],
    answer: ' x',
    pairs: [{ clean: 's', corrupted: 'b', answer: ' x' }],
  };
  expect(swappedRuns(document)).toMatchObject({
    base: 's',
    sources: ['b'],
    answer: null,
    distractor: ' x',
    pairs: [{ clean: 'b', corrupted: 's', distractor: ' x' }],
  });
  expect(swappedRuns(swappedRuns(document))).toEqual(document);
});
