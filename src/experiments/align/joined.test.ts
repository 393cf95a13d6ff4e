// Several positions or heads as one site, and labels of several tokens: against whole runs in which nothing is kept and
// every source is a row of its own.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fragmentOf } from '../../interventions/intervention.ts';
import { lowRankRotated } from '../../interventions/types/lowRankRotated.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { crossEntropy } from '../../runtime/backward/objectives.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import type { Row } from '../../runtime/plan/plan.ts';
import { floatsOf, promptRow, runRow } from '../planRuns.ts';
import { type AlignExperimentFile, readAlignExperiment } from './experiment.ts';
import { type ResolvedAlign, resolveAlign } from './resolve.ts';
import type { ResolvedExample } from './resolveExamples.ts';
import { type AlignUpdate, runAlign } from './run.ts';

const next = seededRandom(4);
const token = () => Math.floor(((next() + 1) / 2) * 30);
const prompt = (length: number) => Array.from({ length }, token);
const data = Array.from({ length: 8 }, (_, at) => ({
  base: prompt(5 + (at % 2)),
  source: prompt(6),
  label: Array.from({ length: 1 + (at % 3) }, token),
  baseLabel: [token(), token()],
}));

let backend: Backend;
beforeAll(() => {
  backend = createNodeBackend(1);
});
afterAll(() => backend.close());

const sites: readonly AlignExperimentFile['site'][] = [
  { component: 'block_output', layer: 1, position: [[3, 1]] },
  { component: 'block_output', layer: 2, position: [['last', 0]] },
  { component: 'head_attention_value_output', layer: 1, position: 2, heads: [3, 0] },
];

/** The site's rows from the first token on, with the label's tokens behind, and every source in a row of its own. */
function wholeRows(
  examples: readonly ResolvedExample[],
  { sites: [site] }: ResolvedAlign,
  fragment: Row['edits'][0]['fragment'],
) {
  const { component = '', layer = 0, heads } = site ?? {};
  const at = (positions: readonly number[] = []) => ({ positions, ...(heads ? { heads } : {}) });
  const where = { component, layer };
  const edited = examples.map(
    ({ base, label, places: [place] }, row): Row => ({
      start: { kind: 'tokens', tokens: [...base.tokens, ...label.ids.slice(0, -1)] },
      edits: [
        {
          site: where,
          location: at(place?.base),
          fragment,
          source: { kind: 'row', row: examples.length + row, site: where, location: at(place?.source) },
        },
      ],
    }),
  );
  return [...edited, ...examples.map(({ source }) => runRow(source))];
}

const argmaxOf = (values: Float32Array): number => values.indexOf(Math.max(...values));

describe.each(sites)('a site of $component at $position, heads $heads', (site) => {
  test('has the loss and the accuracy of whole runs', async () => {
    const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
    try {
      const file = readAlignExperiment({
        kind: 'align',
        version: 1,
        model: 'tiny',
        site,
        intervention: { type: 'LowRankRotated', rank: 3 },
        data,
        testData: data.slice(0, 3),
        training: { batchSize: 8, epochs: 1, learningRate: 0.05, shuffle: false },
      });
      const align = resolveAlign(model.architecture, undefined, file);
      const updates: AlignUpdate[] = [];
      for await (const update of runAlign(model, align)) updates.push(update);
      const { width } = align;
      const component = model.architecture.components.find(({ name }) => name === site.component);
      expect(width).toBe(2 * (component?.width ?? 0));

      const initial = lowRankRotated.initial({ width, lowRankDimension: 3, seed: 0 });
      const before = fragmentOf({ type: lowRankRotated, width, parameters: initial }, 2);
      const tokens = align.train.reduce((sum, { label }) => sum + label.ids.length, 0);
      const logits = { component: 'logits', layer: null };
      const positionsOf = ({ base, label }: ResolvedExample) =>
        label.ids.map((_, at) => base.tokens.length - 1 + at);
      const whole = await model.gradients({
        rows: wholeRows(align.train, align, before),
        terms: align.train.map((example, row) => ({
          row,
          site: logits,
          location: { positions: positionsOf(example) },
          weight: 1 / tokens,
          ...crossEntropy(example.label.ids),
        })),
      });
      const step = updates.find((update) => update.kind === 'step');
      expect(step?.kind === 'step' && step.loss).toBeCloseTo(whole.objective, 5);
      const end = updates.find((update) => update.kind === 'end');
      if (end?.kind !== 'end') throw new Error('The site did not end.');
      const rotation = end.numbers.rotation ?? new Float32Array();
      const after = fragmentOf(
        { type: lowRankRotated, width, parameters: { rotation: { data: rotation, shape: [width, 3] } } },
        2,
      );
      const found = await model.run({
        rows: wholeRows(align.train, align, after),
        reads: align.train.map((example, row) => ({
          row,
          site: logits,
          location: { positions: positionsOf(example) },
        })),
      });
      const right = align.train.filter(({ label }, row) => {
        const all = floatsOf(found[row]);
        const vocabulary = all.length / label.ids.length;
        return label.ids.every(
          (id, at) => argmaxOf(all.subarray(at * vocabulary, (at + 1) * vocabulary)) === id,
        );
      });
      expect(end.trainAccuracy).toBe(right.length / align.train.length);
    } finally {
      await model.dispose();
    }
  });
});

test('an accuracy counts an example where every token of its label is the most probable', async () => {
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  try {
    const logits = { component: 'logits', layer: null };
    const says = async (tokens: readonly number[]) => {
      const [read] = await model.run({
        rows: [promptRow(tokens)],
        reads: [{ row: 0, site: logits, location: { positions: [tokens.length - 1] } }],
      });
      return argmaxOf(floatsOf(read));
    };
    const examples = [];
    for (const { base, source } of data) {
      const first = await says(base);
      const second = await says([...base, first]);
      examples.push({
        base,
        source,
        label: [first, (second + examples.length) % 30],
        baseLabel: [first, second],
      });
    }
    const file = readAlignExperiment({
      kind: 'align',
      version: 1,
      model: 'tiny',
      site: { component: 'block_output', layer: 1, position: 0 },
      intervention: { type: 'LowRankRotated', rank: 1 },
      data: examples,
      testData: examples.slice(0, 4),
      training: { batchSize: 8, epochs: 1 },
    });
    const align = resolveAlign(model.architecture, undefined, file);
    for await (const update of runAlign(model, align)) {
      if (update.kind !== 'baselines') continue;
      expect(update.factual).toEqual({ right: 8, of: 8 });
      // The first of four has the model's own second token.
      expect(update.unedited).toBe(1 / 4);
      break;
    }
  } finally {
    await model.dispose();
  }
});
