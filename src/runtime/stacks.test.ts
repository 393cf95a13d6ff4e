// Rows of encoder-decoders: two stacks, one row for whoever asks.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelConfiguration } from '../checkpoint/checkpoint.ts';
import type { Backend } from './backends/backend.ts';
import { createNodeBackend } from './backends/nodeBackend.ts';
import { weightedEntries } from './backward/objectives.ts';
import { tinyCheckpoint } from './fixtures/tinyCheckpoint.ts';
import type { GenerationEdit, GenerationRow } from './generation/request.ts';
import { Model } from './model.ts';
import { type Edit, type Plan, type Row, type RowSource, replace } from './plan/plan.ts';
import { stageOf } from './plan/sites.ts';
import type { WeightResidency } from './weights/residency.ts';

const t5: ModelConfiguration = {
  model_type: 't5',
  vocab_size: 31,
  d_model: 12,
  d_kv: 5,
  d_ff: 16,
  num_layers: 3,
  num_decoder_layers: 2,
  num_heads: 2,
  relative_attention_num_buckets: 6,
  relative_attention_max_distance: 9,
};
const blip: ModelConfiguration = {
  model_type: 'blip',
  text_config: {
    vocab_size: 31,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    max_position_embeddings: 20,
    bos_token_id: 2,
    is_decoder: true,
  },
  vision_config: {
    hidden_size: 12,
    intermediate_size: 16,
    num_hidden_layers: 3,
    num_attention_heads: 3,
    image_size: 6,
    patch_size: 3,
  },
};
const waves = (length: number, step: number) => Float32Array.from({ length }, (_, at) => Math.sin(at * step));
const text = (...tokens: readonly number[]): RowSource => ({ kind: 'tokens', tokens });
const picture = (step: number): RowSource => ({ kind: 'input', data: waves(3 * 6 * 6, step) });

const families = {
  t5: { config: t5, encoder: 'encoder.', sources: [text(4, 9, 2, 17, 6), text(8, 3, 21)] },
  blip: { config: blip, encoder: 'vision.', sources: [picture(0.7), picture(1.1)] },
} as const;
const target = [2, 11, 5, 23, 7];
const logits = { component: 'logits', layer: null };

let backend: Backend;
beforeAll(() => {
  backend = createNodeBackend(1);
});
afterAll(() => backend.close());

async function onModel(config: ModelConfiguration, act: (model: Model) => Promise<void> | void) {
  const model = await Model.load(tinyCheckpoint(config), backend);
  try {
    await act(model);
  } finally {
    await model.dispose();
  }
  expect(backend.liveTensors).toBe(0);
}

const widthOf = ({ architecture }: Model, name: string) =>
  architecture.components.find((component) => component.name === name)?.width ?? 0;

const editOf = (model: Model, component: string, layer: number, position: number): Edit => ({
  site: { component, layer },
  location: { positions: [position] },
  fragment: replace,
  source: { kind: 'tensor', data: waves(widthOf(model, component), 0.9) },
});

function farthest(found: ArrayLike<number> | undefined, expected: ArrayLike<number> | undefined): number {
  expect(found?.length).toBe(expected?.length);
  return Array.from(found ?? []).reduce(
    (most, value, at) => Math.max(most, Math.abs(value - (expected?.[at] ?? Number.NaN))),
    0,
  );
}

describe.each(Object.entries(families))('%s', (_, { config, encoder, sources: [source, other] }) => {
  const start = { kind: 'tokens', tokens: target, source } as const;
  const parent: Row = { start, edits: [] };
  const places: readonly (readonly [string, number, number, number])[] = [
    ['block_output', 0, 3, 3],
    ['cross_attention_input', 1, 4, 4],
    [`${encoder}block_input`, 1, 1, 0],
    ['cross_key_output', 1, 2, 0],
    ['cross_value_output', 0, 0, 0],
  ];

  test.each(places)(
    'a fork at an edit of %s, layer %i, equals the row run from the start',
    (component, layer, position, from) =>
      onModel(config, async (model) => {
        const edit = editOf(model, component, layer, position);
        const stage = stageOf(model.architecture, edit.site);
        const whole: readonly Row[] = [{ start, edits: [edit] }];
        const forked: readonly Row[] = [
          parent,
          { start: { kind: 'fork', parent: 0, layer: stage, position: from }, edits: [edit] },
        ];
        const outcome = async (rows: readonly Row[]) => {
          const row = rows.length - 1;
          const location = { positions: [target.length - 1] };
          const [read] = await model.run({ rows, reads: [{ row, site: logits, location }] });
          const pair = [
            { entry: 7, factor: 1 },
            { entry: 11, factor: -1 },
          ];
          const { at } = await model.gradients({
            rows,
            terms: [{ row, site: logits, location, ...weightedEntries([pair]) }],
            at: [
              {
                row: 0,
                site: { component: `${encoder}block_input`, layer: 0 },
                location: { positions: [0, 2] },
              },
            ],
          });
          return { logits: read?.value?.data, gradient: at[0]?.data };
        };
        const [expected, found] = [await outcome(whole), await outcome(forked)];
        expect(Math.max(...(expected.gradient ?? []).map(Math.abs))).toBeGreaterThan(1e-6);
        expect(farthest(found.logits, expected.logits)).toBeLessThan(1e-5);
        expect(farthest(found.gradient, expected.gradient)).toBeLessThan(1e-5);
        const plain = await outcome([parent]);
        expect(farthest(plain.logits, expected.logits)).toBeGreaterThan(1e-4);
      }),
  );

  test('rows that read the same share one encoder row; an edit of the encoder, or another source, makes one more', () =>
    onModel(config, (model) => {
      const encoderRows = (rows: readonly Row[]) =>
        model.schedule({ rows, reads: [] }).rows.length - rows.length;
      const changed = (component: string) => ({ start, edits: [editOf(model, component, 0, 1)] });
      expect(encoderRows([parent, changed('block_output'), changed('mlp_input')])).toBe(1);
      expect(encoderRows([parent, changed(`${encoder}block_output`)])).toBe(2);
      expect(encoderRows([parent, { start: { ...start, source: other }, edits: [] }])).toBe(2);
    }));

  test('a text under edits of both stacks equals passes that keep nothing, whatever each row reads', () =>
    onModel(config, async (model) => {
      const vector = (component: string) =>
        ({ kind: 'vector', data: waves(widthOf(model, component), 0.4) }) as const;
      const edit = (component: string, at: GenerationEdit['at']): GenerationEdit => ({
        site: { component, layer: 1 },
        at,
        fragment: replace,
        source: vector(component),
      });
      const rows: readonly GenerationRow[] = [
        { tokens: [2, 11], source },
        { tokens: [2, 11, 4], source: other, edits: [edit('mlp_output', { prompt: [1], steps: 'all' })] },
        { tokens: [2], source, edits: [edit(`${encoder}block_output`, { prompt: [1] })] },
        {
          tokens: [2],
          source,
          edits: [edit('cross_key_output', { prompt: 'all' }), edit('block_input', { steps: 'all' })],
        },
      ];
      const { decoder, logits: first } = await model.decode(rows);
      const sequences = rows.map(({ tokens }) => [...tokens]);
      let found = new Map(first.map((own, row) => [row, own]));
      for (let step = 0; step < 4; step++) {
        const next = new Map<number, number>();
        for (const [row, own] of found) {
          const { tokens, edits = [], source: read } = rows[row] ?? { tokens: [] };
          const sequence = sequences[row] ?? [];
          const planned = edits.map(({ site, at, source: given }): Edit => {
            const isEncoders = site.component !== 'mlp_output' && site.component !== 'block_input';
            const length = read?.kind === 'tokens' ? read.tokens.length : 5;
            const all = Array.from(
              { length: isEncoders ? length : sequence.length },
              (__, position) => position,
            );
            const steps = at.steps === 'all' ? all.filter((position) => position >= tokens.length - 1) : [];
            const listed = at.prompt === 'all' ? all : Array.isArray(at.prompt) ? at.prompt : [];
            const positions = [...new Set([...listed, ...steps])].sort((a, b) => a - b);
            const data = given?.kind === 'vector' ? given.data : new Float32Array();
            const repeated = Float32Array.from(positions.flatMap(() => [...data]));
            return {
              site,
              location: { positions },
              fragment: replace,
              source: { kind: 'tensor', data: repeated },
            };
          });
          const [whole] = await model.run({
            rows: [
              {
                start: { kind: 'tokens', tokens: sequence, ...(read ? { source: read } : {}) },
                edits: planned,
              },
            ],
            reads: [{ row: 0, site: logits, location: { positions: [sequence.length - 1] } }],
          });
          expect(farthest(own, whole?.value?.data)).toBeLessThan(1e-5);
          const best = own.indexOf(Math.max(...own));
          sequence.push(best);
          next.set(row, best);
        }
        found = new Map(await decoder.step(next));
      }
      decoder.dispose();
    }));

  test.each<[string, (model: Model) => Plan, RegExp]>([
    [
      'a target without a source',
      () => ({ rows: [{ start: { kind: 'tokens', tokens: target }, edits: [] }], reads: [] }),
      /Row 0 has no source: the encoder of a \w+ model reads .* Give both\./,
    ],
    [
      'a fork past the first position under an edit of the encoder',
      (model) => ({
        rows: [
          parent,
          {
            start: { kind: 'fork', parent: 0, layer: 3, position: 2 },
            edits: [editOf(model, 'cross_key_output', 0, 1)],
          },
        ],
        reads: [],
      }),
      /Row 1 changes 'cross_key_output', which every position of the decoder reads, so it can only fork at position 0\./,
    ],
    [
      'a layer that its stack does not have',
      () => ({
        rows: [parent],
        reads: [{ row: 0, site: { component: 'block_output', layer: 2 }, location: { positions: [0] } }],
      }),
      /Layer 2 of 'block_output' does not exist: this model has layers 0 to 1 of it\./,
    ],
    [
      'an encoder that takes from the decoder',
      (model) => ({
        rows: [
          parent,
          {
            start,
            edits: [
              {
                ...editOf(model, 'cross_key_output', 1, 1),
                source: {
                  kind: 'row',
                  row: 0,
                  site: { component: 'value_output', layer: 0 },
                  location: { positions: [1] },
                },
              },
            ],
          },
        ],
        reads: [],
      }),
      /'cross_key_output' belongs to the encoder, .* so it cannot be taken from 'value_output'\./,
    ],
  ])('refuses %s', (_case, plan, sentence) =>
    onModel(config, (model) => {
      expect(() => model.schedule(plan(model))).toThrow(sentence);
    }),
  );
});

test('weights that are brought in layer by layer give the same numbers, in both stacks and in steps', async () => {
  const outcome = async (residency: WeightResidency) => {
    const model = await Model.load(tinyCheckpoint(t5), backend, { residency });
    const { decoder, logits: first } = await model.decode([{ tokens: [0], source: text(4, 9, 2) }]);
    const second = await decoder.step(new Map([[0, 7]]));
    decoder.dispose();
    await model.dispose();
    return [...(first[0] ?? []), ...(second.get(0) ?? [])];
  };
  const [held, streamed] = [await outcome('expanded'), await outcome('streamed')];
  expect(held).toHaveLength(62);
  expect(farthest(streamed, held)).toBeLessThan(1e-5);
});

test('an edit of the encoder at steps, and a source where there is no encoder, are refused', async () => {
  await onModel(t5, async (model) => {
    const data = waves(12, 1);
    const site = { component: 'encoder.block_output', layer: 0 };
    const edit: GenerationEdit = {
      site,
      at: { steps: 'all' },
      fragment: replace,
      source: { kind: 'vector', data },
    };
    const row: GenerationRow = { tokens: [0], source: text(3, 4), edits: [edit] };
    await expect(model.decode([row])).rejects.toThrow(/reads once before the first step: name its positions/);
  });
  const gpt2 = { model_type: 'gpt2', n_embd: 8, n_layer: 1, n_head: 2, n_positions: 8, vocab_size: 31 };
  await onModel(gpt2, (model) => {
    const rows: readonly Row[] = [{ start: { kind: 'tokens', tokens: [1], source: text(2) }, edits: [] }];
    expect(() => model.schedule({ rows, reads: [] })).toThrow(
      'has no encoder, so a source has no place in it.',
    );
  });
});

test.each<[string, Float32Array | undefined, RegExp]>([
  [
    'pixels of another size',
    new Float32Array(27),
    /reads an image of \[3, 6, 6\], 108 numbers; 27 were given/,
  ],
  ['pixels that are no numbers', new Float32Array(108).fill(Number.NaN), /Number 0 of the image is NaN/],
  ['tokens in place of a picture', undefined, /reads an image, not tokens/],
])('a picture is refused: %s', (_, data, sentence) =>
  onModel(blip, (model) => {
    const source: RowSource = data ? { kind: 'input', data } : text(1, 2);
    const plan: Plan = {
      rows: [{ start: { kind: 'tokens', tokens: target, source }, edits: [] }],
      reads: [],
    };
    expect(() => model.schedule(plan)).toThrow(sentence);
  }),
);
