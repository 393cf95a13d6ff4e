// Interventions that are trained together, each with a source of its own: against whole runs in which nothing is kept and every
// source is a row of its own, and in pyvene.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openModel } from '../../checkpoint/openNode.ts';
import { IntervenableModel } from '../../interventions/intervenableModel.ts';
import { fragmentOf } from '../../interventions/intervention.ts';
import type { PyveneFiles } from '../../interventions/pyvene/pyveneFolder.ts';
import { lowRankRotated } from '../../interventions/types/lowRankRotated.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { crossEntropy } from '../../runtime/backward/objectives.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import type { Fragment, Row } from '../../runtime/plan/plan.ts';
import { runRow } from '../planRuns.ts';
import { type AlignExperimentFile, readAlignExperiment } from './experiment.ts';
import { type ResolvedAlign, resolveAlign } from './resolve.ts';
import { type AlignResult, readAlignResult } from './result.ts';
import { type AlignUpdate, runAlign } from './run.ts';
import { partsOf } from './sites.ts';
import { ofPart, trainableOf } from './trainable.ts';
import { trainedFolder, trainedIntervention } from './trained.ts';
import { completeAlign } from './work.ts';

const python = process.env.PATCHBAY_PYTHON;
let backend: Backend;
beforeAll(() => {
  backend = createNodeBackend(1);
});
afterAll(async () => {
  expect(backend.liveTensors).toBe(0);
  await backend.close();
});

const next = seededRandom(4);
const token = () => Math.floor(((next() + 1) / 2) * 30);
const prompt = (length: number) => Array.from({ length }, token);
const data = Array.from({ length: 8 }, (_, at) => ({
  base: prompt(5 + (at % 2)),
  source: prompt(6),
  furtherSources: [prompt(5), prompt(7)],
  label: Array.from({ length: 1 + (at % 2) }, token),
  positions: { a: [1, 3, 2, 5], b: 2 } as { a: [number, number, number, number]; b: number },
}));
const plain: AlignExperimentFile = {
  kind: 'align',
  version: 1,
  model: 'tiny',
  site: { component: 'block_output', layer: 1, position: 'a' },
  jointly: [
    // Before the first in the network, and further to the front of the prompt.
    { component: 'mlp_output', layer: 0, position: ['b', 0] },
    { component: 'head_attention_value_output', layer: 'same', position: 'a', heads: [2, 0] },
  ],
  intervention: { type: 'LowRankRotated', rank: 3 },
  data,
  testData: data.slice(0, 3),
  training: { batchSize: 8, epochs: 1, learningRate: 0.05, shuffle: false, optimizer: 'sgd', warmUp: 0 },
};
const resolve = (model: Model, more: Partial<AlignExperimentFile> = {}) =>
  resolveAlign(model.architecture, undefined, readAlignExperiment({ ...plain, ...more }));

/** Rows from the first token on, with the label's tokens behind, and every source in a row of its own. */
function wholeRows(align: ResolvedAlign, fragments: readonly Fragment[]): readonly Row[] {
  const { train, sites } = align;
  const [site] = sites;
  const parts = site ? partsOf(align, site) : [];
  const edited = train.map((example, row): Row => {
    const edits = parts.flatMap(({ site: { component, layer, heads }, placeOf }, at) => {
      const fragment = fragments[at];
      const of = (positions: readonly number[]) => ({ positions, ...(heads ? { heads } : {}) });
      const where = { component, layer };
      const place = placeOf(example);
      return fragment
        ? [
            {
              site: where,
              location: of(place.base),
              fragment,
              source: {
                kind: 'row' as const,
                row: train.length * (at + 1) + row,
                site: where,
                location: of(place.source),
              },
            },
          ]
        : [];
    });
    return {
      start: { kind: 'tokens', tokens: [...example.base.tokens, ...example.label.ids.slice(0, -1)] },
      edits,
    };
  });
  return [...edited, ...parts.flatMap(({ sourceOf }) => train.map((example) => runRow(sourceOf(example))))];
}

test('three sites have the loss of whole runs, and a step goes along its gradient at each', async () => {
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  try {
    const align = resolve(model);
    const updates: AlignUpdate[] = [];
    for await (const update of runAlign(model, align)) updates.push(update);
    const [site] = align.sites;
    const { trained } = trainableOf(align.experiment, site ? partsOf(align, site) : []);
    expect(Object.fromEntries(Object.entries(trained).map(([name, { shape }]) => [name, shape]))).toEqual({
      rotation: [16, 3],
      '2 rotation': [32, 3],
      '3 rotation': [8, 3],
    });
    const widths = [16, 32, 8];
    const fragments = widths.map((width, at) => {
      const parameters = {
        rotation: ofPart(trained, at).rotation ?? { data: new Float32Array(), shape: [] },
      };
      return fragmentOf({ type: lowRankRotated, width, parameters }, at === 0 ? 1 : 2);
    });
    const tokens = align.train.reduce((sum, { label }) => sum + label.ids.length, 0);
    const whole = await model.gradients({
      rows: wholeRows(align, fragments),
      terms: align.train.map(({ base, label }, row) => ({
        row,
        site: { component: 'logits', layer: null },
        location: { positions: label.ids.map((_, at) => base.tokens.length - 1 + at) },
        weight: 1 / tokens,
        ...crossEntropy(label.ids),
      })),
      of: fragments.map(({ parameters }) => parameters),
    });
    const step = updates.find((update) => update.kind === 'step');
    expect(step?.kind === 'step' && step.loss).toBeCloseTo(whole.objective, 5);
    const end = updates.find((update) => update.kind === 'end');
    if (end?.kind !== 'end') throw new Error('The site did not end.');
    for (const [at, name] of ['rotation', '2 rotation', '3 rotation'].entries()) {
      const start = trained[name]?.data ?? new Float32Array();
      const after = end.numbers[name] ?? new Float32Array();
      const slope = whole.of[at]?.rotation?.data ?? [];
      // The manifold takes away what would stretch the columns: W sym(Wᵀ G).
      const [rows, columns] = [widths[at] ?? 0, 3];
      const product = (i: number, j: number) => {
        let sum = 0;
        for (let k = 0; k < rows; k++) sum += (start[k * columns + i] ?? 0) * (slope[k * columns + j] ?? 0);
        return sum;
      };
      let furthest = 0;
      let longest = 0;
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          let stretch = 0;
          for (let k = 0; k < columns; k++)
            stretch += ((start[row * columns + k] ?? 0) * (product(k, column) + product(column, k))) / 2;
          const place = row * columns + column;
          const along = -0.05 * ((slope[place] ?? 0) - stretch);
          furthest = Math.max(furthest, Math.abs((after[place] ?? 0) - (start[place] ?? 0) - along));
          longest = Math.max(longest, Math.abs(along));
        }
      expect(longest).toBeGreaterThan(1e-4);
      expect(furthest).toBeLessThan(0.02 * longest);
    }
  } finally {
    await model.dispose();
  }
});

test('sources that are the base leave a further site without effect', async () => {
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  try {
    const short = { ...plain.training, epochs: 3 };
    const still = data.map(({ base, source, label }) => ({ base, source, furtherSources: [base], label }));
    const of = (file: Partial<AlignExperimentFile>) =>
      completeAlign(model, resolve(model, { training: short, testData: still.slice(0, 3), ...file }));
    const site = { component: 'block_output', layer: 1, position: 2 };
    const joint = await of({
      site,
      data: still,
      jointly: [{ component: 'block_output', layer: 0, position: 3 }],
    });
    const alone = data.map(({ base, source, label }) => ({ base, source, label }));
    const { jointly: _, ...rest } = plain;
    const single = await completeAlign(
      model,
      resolveAlign(
        model.architecture,
        undefined,
        readAlignExperiment({ ...rest, site, data: alone, testData: alone.slice(0, 3), training: short }),
      ),
    );
    const losses = (result: AlignResult) => result.sites[0]?.steps.loss ?? [];
    expect(losses(joint)).toHaveLength(3);
    losses(joint).forEach((loss, at) => {
      expect(loss).toBeCloseTo(losses(single)[at] ?? Number.NaN, 5);
    });
  } finally {
    await model.dispose();
  }
});

describe('a joint training is refused in a sentence', () => {
  const cases: readonly (readonly [string, Partial<AlignExperimentFile>, string])[] = [
    [
      'fewer sources than sites',
      { data: data.map((example) => ({ ...example, furtherSources: [example.base] })) },
      "'data.0.furtherSources' gives 1 further source, and 'jointly' names 2 further sites: each takes from one of its own.",
    ],
    [
      'labels for some of the sources',
      { data: data.map((example) => ({ ...example, furtherSourceLabels: [3] })) },
      "'data.0.furtherSourceLabels' has 1 label for 2 further sources.",
    ],
    [
      'a position that says nothing of a source',
      { data: data.map((example) => ({ ...example, positions: { a: [1, 2] as [number, number], b: 2 } })) },
      "'data.0.positions.a' is [1, 2] and says nothing of 'furtherSources.1'. Give a position of the base and one of each source.",
    ],
    [
      'a position that a further source lacks',
      {
        jointly: [
          { component: 'mlp_output', layer: 0, position: 5 },
          { component: 'mlp_output', layer: 1, position: 'a' },
        ],
        data: data.map((example) => ({ ...example, base: [...example.base, 1], source: example.base })),
      },
      "'data.0.furtherSources.0' has no position 5",
    ],
    [
      'a layer that does not exist',
      { jointly: [{ component: 'mlp_output', layer: 3, position: 0 }, ...(plain.jointly ?? []).slice(1)] },
      "'jointly.0.layer': there is no layer 3; this model has layers 0 to 2.",
    ],
    [
      'heads that are missing',
      {
        jointly: [
          { component: 'head_attention_value_output', layer: 0, position: 0 },
          ...(plain.jointly ?? []).slice(1),
        ],
      },
      "'jointly.0.heads' is missing",
    ],
    [
      'a rank above the width of a further site',
      { intervention: { type: 'LowRankRotated', rank: 9 } },
      "'intervention.rank' is 9, but what is joined of 'head_attention_value_output' has a width of 8.",
    ],
    [
      'a type that learns its width',
      { intervention: { type: 'SigmoidMask' } },
      "'jointly' trains a fixed number of directions at each site, and a SigmoidMask learns how many.",
    ],
  ];
  test.each(cases)('%s', async (_, more, sentence) => {
    const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
    try {
      expect(() => resolve(model, more)).toThrow(sentence);
    } finally {
      await model.dispose();
    }
  });
});

test('further sources without further sites are refused', async () => {
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  try {
    const { jointly: _, ...alone } = plain;
    expect(() => resolveAlign(model.architecture, undefined, readAlignExperiment(alone))).toThrow(
      "'data.0.furtherSources' gives 2 further sources, and 'jointly' names 0 further sites",
    );
  } finally {
    await model.dispose();
  }
});

describe('a landmark from one source and what is asked of it from another', () => {
  const folder = new URL('../../../models/tiny-atlas/', import.meta.url);
  const file = readFileSync(
    new URL('../../../examples/align/landmark-and-kind.json', import.meta.url),
    'utf8',
  );
  let model: Model;
  let align: ResolvedAlign;
  let result: AlignResult;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const checkpoint = await openModel(folder.pathname);
    const tokenizer = await checkpoint.tokenizer();
    model = await Model.load(checkpoint, backend);
    close = () => checkpoint.close();
    const given = JSON.parse(file);
    const experiment = readAlignExperiment({
      ...given,
      site: { ...given.site, layer: 3 },
      training: { ...given.training, epochs: 2 },
    });
    align = resolveAlign(model.architecture, tokenizer, experiment);
    const made = await completeAlign(model, align);
    result = readAlignResult(JSON.parse(JSON.stringify(made)));
  });
  afterAll(async () => {
    await model.dispose();
    await close();
  });

  test('labels answer with the landmark of the first and the kind of the second', () => {
    const told = new Set(align.train.map(({ label }) => label.text));
    // Cities and countries.
    expect(told.has(' Paris') && told.has(' France')).toBe(true);
    expect(align.train.every(({ further }) => further.length === 1)).toBe(true);
  });

  const callOf = () => {
    const [site] = align.sites;
    const parts = site ? partsOf(align, site) : [];
    return {
      base: align.test.map(({ base }) => base.tokens),
      sources: parts.map(({ sourceOf }) => align.test.map((example) => sourceOf(example).tokens)),
      to: parts.map(({ placeOf }) => align.test.map((example) => placeOf(example).base)),
      from: parts.map(({ placeOf }) => align.test.map((example) => placeOf(example).source)),
      labels: align.test.map(({ label }) => label.ids[0]),
    };
  };

  test('as a configuration, and as a folder of pyvene, has the accuracy that was reported', async () => {
    const { base, sources, to, from, labels } = callOf();
    const { configuration, parameters } = trainedIntervention(result, 0);
    const files = trainedFolder(result, 0);
    const given: PyveneFiles = {
      label: 'trained',
      names: async () => [...files.keys()],
      read: async (name) => files.get(name) ?? new Uint8Array(),
    };
    const reported = result.sites[0]?.final?.testAccuracy;
    for (const intervenable of [
      new IntervenableModel(configuration, model, { parameters }),
      await IntervenableModel.load(given, model),
    ]) {
      const { intervenedOutputs } = await intervenable.run({
        base,
        sources,
        unitLocations: { 'sources->base': [from, to] },
        logits: 'last',
      });
      const right = intervenedOutputs.logits.filter(
        ({ data: logits }, at) => logits.indexOf(Math.max(...logits)) === labels[at],
      );
      expect(right.length / labels.length).toBe(reported);
    }
    // Something was learned, so that another site, source or order would show.
    expect(reported).toBeGreaterThan(result.unedited + 0.2);
  });

  test.skipIf(python === undefined)('in pyvene itself has it too', () => {
    const out = mkdtempSync(join(tmpdir(), 'patchbay-'));
    try {
      mkdirSync(join(out, 'saved'));
      for (const [name, bytes] of trainedFolder(result, 0)) writeFileSync(join(out, 'saved', name), bytes);
      writeFileSync(join(out, 'call.json'), JSON.stringify(callOf()));
      const script = fileURLToPath(new URL('expected/loadJoint.py', import.meta.url));
      const printed = execFileSync(
        python ?? '',
        [script, fileURLToPath(folder), join(out, 'saved'), join(out, 'call.json')],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const share: unknown = JSON.parse(printed.trim().split('\n').at(-1) ?? '');
      expect(share).toBeCloseTo(result.sites[0]?.final?.testAccuracy ?? Number.NaN, 9);
    } finally {
      rmSync(out, { recursive: true });
    }
  });
});
