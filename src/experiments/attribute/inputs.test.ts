// Attributions in models that read more than a text (of smooth activations, which have slopes everywhere): each cell is the slope of the metric along the way to its patch, which a
// finite difference of two runs gives without any gradient.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import { add, mul, sub } from '../../onnx/elementwise.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyT5 } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import type { Fragment } from '../../runtime/plan/plan.ts';
import { inputOfPlaced } from '../inputParts.ts';
import type { PairInputs } from '../patch/pairInputs.ts';
import { readAttributeExperiment } from './experiment.ts';
import { attributionFigures } from './figure.ts';
import { attributionCsv, readAttributionResult } from './result.ts';
import { attributionSummary } from './summary.ts';
import { completeAttribution, resolveAttribution } from './work.ts';

const vision = { hidden_size: 12, intermediate_size: 16, num_hidden_layers: 3, num_attention_heads: 3 };
const pixels = (seed: number) => ({
  data: Float32Array.from({ length: 3 * 8 * 8 }, (_, at) => Math.sin(seed + at * 0.7)),
  notices: [],
});
const pictures: PairInputs = { clean: pixels(1), corrupted: pixels(5) };
const both = { image: { name: 'a.png' }, corruptedImage: { name: 'b.png' } };

interface Case {
  readonly config: { readonly model_type: string };
  readonly pair: object;
  readonly inputs: readonly PairInputs[];
  readonly parts?: number;
  readonly components: readonly string[];
  /** Of tensors that tell which of a family's models it is. */
  readonly names?: readonly string[];
}

const cases: readonly Case[] = [
  {
    config: tinyT5,
    pair: { clean: [3, 9, 7, 5], corrupted: [3, 8, 7, 11], target: [4, 6], answer: 7, distractor: 12 },
    inputs: [],
    components: [
      ...['encoder.block_output', 'encoder.head_attention_value_output', 'block_output'],
      ...['cross_value_output', 'head_cross_attention_value_output'],
    ],
  },
  {
    config: {
      ...{ model_type: 'vit', image_size: 8, patch_size: 4, id2label: { 0: 'cat', 1: 'dog', 2: 'street' } },
      ...vision,
    } as Case['config'],
    pair: { clean: [], ...both, answer: 'dog', distractor: 'cat' },
    inputs: [pictures],
    parts: 1,
    components: ['block_output', 'mlp_output', 'head_attention_value_output'],
  },
  {
    config: {
      model_type: 'blip',
      text_config: {
        ...{ vocab_size: 31, hidden_size: 8, intermediate_size: 12, num_hidden_layers: 2 },
        ...{ num_attention_heads: 2, max_position_embeddings: 20, bos_token_id: 2, is_decoder: true },
      },
      vision_config: { ...vision, image_size: 8, patch_size: 4 },
    } as Case['config'],
    pair: { clean: [5, 9], ...both, answer: 7 },
    inputs: [pictures],
    parts: 2,
    components: ['vision.block_output', 'vision.attention_output', 'block_output', 'cross_attention_output'],
  },
  {
    config: {
      model_type: 'blip',
      text_config: {
        ...{ vocab_size: 31, hidden_size: 12, intermediate_size: 16, num_hidden_layers: 2 },
        ...{ num_attention_heads: 2, max_position_embeddings: 20, bos_token_id: 2, is_decoder: true },
      },
      vision_config: { ...vision, image_size: 8, patch_size: 4 },
    } as Case['config'],
    names: ['text_encoder.x', 'text_decoder.bert.x'],
    pair: { clean: [3, 9, 7], corrupted: [3, 8, 7], target: [5], ...both, answer: 7, distractor: 12 },
    inputs: [pictures],
    parts: 2,
    components: [
      ...['vision.block_output', 'vision.head_attention_value_output', 'question.cross_value_output'],
      ...['question.block_output', 'question.mlp_output', 'block_output', 'cross_attention_output'],
    ],
  },
];

/** base + share (source - base): a part of the way to a patch. */
const partly = (share: number): Fragment => ({
  key: 'partly',
  parameters: { share: { data: Float32Array.of(share), shape: [1] } },
  build: ({ base, source, parameter }) =>
    source ? add(base, mul(sub(source, base), parameter('share'))) : base,
});

describe.each(cases)('attributions of $config.model_type $names', (given) => {
  const { config, pair, inputs, parts, components, names = [] } = given;
  let backend: Backend;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    model = await Model.load(tinyCheckpoint(config, 1, names), backend);
  });
  afterAll(async () => {
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  });

  test('every cell is the slope along the way to its patch, and stands beside what patching does', async () => {
    const experiment = readAttributeExperiment({
      ...{ kind: 'attribute', version: 1, model: 'tiny', pairs: [pair], components },
      ...(parts === undefined ? {} : { parts }),
    });
    const resolved = resolveAttribution(model.architecture, undefined, experiment, inputs);
    const result = await completeAttribution(model, resolved);
    expect(readAttributionResult(JSON.parse(JSON.stringify(result)))).toEqual(result);
    const { clean, corrupted, watched, answer, distractor } = resolved.patch.pairs[0] ?? {};
    if (!clean || !corrupted || watched === undefined || !answer) throw new Error('There is no pair.');
    const metric = async (component: string, layer: number, location: object, share: number) => {
      const site = { component, layer };
      const where = { positions: 'all' as const, ...location };
      const source = { kind: 'row', row: 1, site, location: where } as const;
      const [read] = await model.run({
        rows: [
          { start: corrupted.start, edits: [{ site, location: where, fragment: partly(share), source }] },
          { start: clean.start, edits: [] },
        ],
        reads: [{ row: 0, site: { component: 'logits', layer: null }, location: { positions: [watched] } }],
      });
      const logit = (id: number) => read?.value?.data[id] ?? Number.NaN;
      return logit(answer.id) - (distractor ? logit(distractor.id) : 0);
    };
    const step = 0.005;
    let most = 0;
    for (const { component, heads, positions, attributions, patched } of result.panels) {
      const columns = (heads ?? positions).length;
      expect(patched).toHaveLength(attributions.length);
      for (const [cell, value] of attributions.entries()) {
        const [layer, column] = [Math.floor(cell / columns), cell % columns];
        const panel = result.panels.find((each) => each.component === component);
        const own = panel && inputOfPlaced(result, panel)?.columns[column]?.positions;
        const location = heads ? { heads: [heads[column]] } : { positions: own ?? [positions[column]] };
        const [up, down] = [
          await metric(component, layer, location, step),
          await metric(component, layer, location, -step),
        ];
        const slope = (up - down) / (2 * step);
        expect(Math.abs(value - slope)).toBeLessThan(1e-3 + 0.01 * Math.abs(slope));
        most = Math.max(most, Math.abs(slope));
      }
    }
    // Some cell does something.
    expect(most).toBeGreaterThan(0.02);
    const cells = result.panels.reduce((sum, { attributions }) => sum + attributions.length, 0);
    expect(attributionCsv(result).trim().split('\n')).toHaveLength(1 + cells);
    const summary = attributionSummary(result);
    for (const panel of result.panels) {
      const read = inputOfPlaced(result, panel);
      if (panel.heads || !read || read.kind === 'text') continue;
      const sizes = panel.attributions.map(Math.abs);
      const strongest = sizes.indexOf(Math.max(...sizes));
      // A part of a picture is called by its name, as everywhere.
      const { text = '' } = read.columns[strongest % read.columns.length] ?? {};
      expect(text).not.toBe('');
      expect(summary).toMatch(new RegExp(` ${text} .* ${(panel.attributions[strongest] ?? 0).toFixed(3)} `));
    }
    for (const { panels, layers } of attributionFigures(result))
      for (const { values } of panels)
        for (const column of values) expect(column).toHaveLength(layers.length);
  });

  test('steps between embeddings are refused', () => {
    const experiment = readAttributeExperiment({
      ...{ kind: 'attribute', version: 1, model: 'tiny', pairs: [pair], components, steps: 4 },
    });
    const architecture = describeArchitecture(config, new Set(names));
    expect(() => resolveAttribution(architecture, undefined, experiment, inputs)).toThrow(
      "'steps' are between the embeddings of two texts",
    );
  });
});
