// What bench/gpu counts: one piece of work of each kind, on random weights, so that it runs where nothing but a driver is.

import type { Checkpoint, ModelConfiguration } from '../../src/checkpoint/checkpoint.ts';
import { readAlignExperiment } from '../../src/experiments/align/experiment.ts';
import { readAttributeExperiment } from '../../src/experiments/attribute/experiment.ts';
import type { AnyExperiment } from '../../src/experiments/kind.ts';
import { readPatchExperiment } from '../../src/experiments/patch/experiment.ts';
import { nextLogits } from '../../src/experiments/predict.ts';
import { readExperiment } from '../../src/experiments/registry.ts';
import { growExperiment } from '../../src/experiments/runExperiment.ts';
import { readTraceExperiment } from '../../src/experiments/trace/experiment.ts';
import type { Model } from '../../src/runtime/model.ts';

export interface Shape {
  readonly layers: number;
  readonly width: number;
  readonly vocabulary: number;
}

/** SmolLM2's proportions at any width that heads of 64 divide. */
export const configurationOf = ({ layers, width, vocabulary }: Shape): ModelConfiguration => ({
  model_type: 'llama',
  hidden_size: width,
  num_hidden_layers: layers,
  num_attention_heads: width / 64,
  num_key_value_heads: width % 192 === 0 ? width / 192 : 1,
  head_dim: 64,
  intermediate_size: Math.round((width * 8) / 3),
  max_position_embeddings: 2048,
  vocab_size: vocabulary,
  tie_word_embeddings: true,
});

const tokens = (seed: number, count: number, vocabulary: number): number[] =>
  Array.from({ length: count }, (_, at) => (seed + 37 * at) % vocabulary);

const common = { version: 1, model: 'random' } as const;

function traceOf({ layers, vocabulary }: Shape, samples: number): AnyExperiment {
  const window = Math.max(1, Math.round(layers / 3));
  return readTraceExperiment({
    ...common,
    kind: 'trace',
    prompt: tokens(101, 10, vocabulary),
    subject: [1, 4],
    corruption: { kind: 'noise', level: 0.1, samples },
    streams: [
      { component: 'block_output' },
      { component: 'mlp_output', window },
      { component: 'attention_output', window },
    ],
  });
}

function pairOf({ vocabulary }: Shape) {
  const clean = tokens(101, 14, vocabulary);
  const corrupted = clean.map((token, at) => (at === 3 ? (token + 1) % vocabulary : token));
  return { clean, corrupted, answer: 7, distractor: 9 };
}

const patchOf = (shape: Shape): AnyExperiment =>
  readPatchExperiment({
    ...common,
    kind: 'patch',
    pairs: [pairOf(shape)],
    sweeps: [
      { component: 'block_output' },
      { component: 'attention_output' },
      { component: 'mlp_output' },
      { component: 'head_attention_value_output' },
    ],
  });

const attributeOf = (shape: Shape): AnyExperiment =>
  readAttributeExperiment({ ...common, kind: 'attribute', pairs: [pairOf(shape)], compare: false });

/** Twelve steps of eight pairs; with 12 examples of a test after them. */
function alignOf({ layers, vocabulary }: Shape): AnyExperiment {
  const data = Array.from({ length: 60 }, (_, at) => ({
    base: tokens(11 + at, 10, vocabulary),
    source: tokens(211 + at, 10, vocabulary),
    label: (5 + at) % vocabulary,
  }));
  return readAlignExperiment({
    ...common,
    kind: 'align',
    site: { component: 'block_output', layer: Math.floor(layers / 2), position: 'last' },
    intervention: { type: 'LowRankRotated', rank: 1 },
    data,
    training: { batchSize: 8, epochs: 2 },
  });
}

/** Of the kinds that are counted for what they leave behind. */
const smallFiles = (shape: Shape): Readonly<Record<string, object>> => {
  const pair = pairOf(shape);
  return {
    path: { pairs: [pair] },
    finetune: {
      adapters: [
        { type: 'LoReFT', rank: 2, layers: [0], positions: { first: 1, last: 1 } },
        { type: 'LoRA', rank: 2, layers: [shape.layers - 1], component: 'mlp_output', positions: 'all' },
      ],
      data: [1, 2, 3, 4].map((seed) => ({ prompt: tokens(seed, 6, shape.vocabulary), continuation: [seed] })),
      training: { batchSize: 2, epochs: 1 },
    },
    steer: {
      vectors: [{ name: 'other', from: { random: 1 } }],
      edits: [{ vector: 'other', layers: [0], strength: 1 }],
      prompts: [tokens(3, 6, shape.vocabulary)],
      generation: { maxNewTokens: 3, temperature: 0 },
      columns: ['unsteered', 'steered'],
    },
    intervene: {
      base: pair.clean,
      sources: [pair.corrupted],
      configuration: { layer: 0, component: 'block_output' },
      unitLocations: { 'sources->base': 1 },
    },
  };
};

export interface Work {
  readonly name: string;
  /** @param found is called when something is found, behind what a run begins with */
  readonly run: (model: Model, checkpoint: Checkpoint, found: () => void) => Promise<unknown>;
}

/**
 * @param samples of noise in the trace
 * @param count   tokens of the prompt that is predicted from
 */
export function worksOf(shape: Shape, samples: number, count = 10): readonly Work[] {
  const running = (name: string, experiment: AnyExperiment | Promise<AnyExperiment>): Work => ({
    name,
    run: async (model, checkpoint, found) => {
      let hasStarted = false;
      for await (const _ of growExperiment(model, checkpoint, await experiment)) {
        if (hasStarted) found();
        hasStarted = true;
      }
    },
  });
  return [
    { name: 'predict', run: (model) => nextLogits(model, tokens(101, count, shape.vocabulary)) },
    running('trace', traceOf(shape, samples)),
    running('patch', patchOf(shape)),
    running('attribute', attributeOf(shape)),
    running('align', alignOf(shape)),
    ...Object.entries(smallFiles(shape)).map(([kind, file]) =>
      running(kind, readExperiment({ ...common, kind, ...file })),
    ),
  ];
}
