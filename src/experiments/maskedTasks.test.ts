// Alignments of a model that fills masks, from text: where they look, what they refuse, what their accuracies are, and what was
// trained, used elsewhere. `maskedTraining.test.ts` compares their steps with PyTorch.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modulePathOf } from '../interventions/configuration/modulePaths.ts';
import { declared, declaringLines } from '../interventions/export/pyveneModels.ts';
import { IntervenableModel } from '../interventions/intervenableModel.ts';
import type { PyveneFiles } from '../interventions/pyvene/pyveneFolder.ts';
import { type AlignExperimentFile, readAlignExperiment } from './align/experiment.ts';
import { type ResolvedAlign, resolveAlign } from './align/resolve.ts';
import { describeTask, ownAnswers } from './align/task.ts';
import { siteNames, trainedFolder } from './align/trained.ts';
import { completeAlign } from './align/work.ts';
import { mask, maskedPrompts, openMaskedBesideGpt2 } from './fixtures/maskedModel.ts';
import { runRow } from './planRuns.ts';
import { textPrompt } from './resolvedPrompt.ts';
import { continuationsOf } from './teacherForcing.ts';

const python = process.env.PATCHBAY_PYTHON;

const { folder, model, tokenizer, gpt2, close } = await openMaskedBesideGpt2();
afterAll(close);

/** What the model says at the mask of each prompt. */
async function ownLabels(): Promise<readonly number[]> {
  const asked = maskedPrompts.map((text) => {
    const tokens = tokenizer.encode(text);
    return { prompt: textPrompt(tokens, tokens.indexOf(mask)), label: { ids: [0], text: '' } };
  });
  const said = await continuationsOf(model, asked, { done: () => {} });
  return said.map(([id]) => id ?? -1);
}

const alignment = (fields: Partial<AlignExperimentFile>, model_ = model): ResolvedAlign =>
  resolveAlign(
    model_.architecture,
    tokenizer,
    readAlignExperiment({
      kind: 'align',
      version: 1,
      model: 'tiny',
      site: { component: 'block_output', layer: 0, position: 'mask' },
      intervention: { type: 'LowRankRotated', rank: 2 },
      data: [
        { base: 'MKT<mask>Y', source: 'MK<mask>YIA', label: 'A' },
        { base: 'MK<mask>YIA', source: 'MKT<mask>Y', label: 'L' },
      ],
      testData: [{ base: 'WK<mask>Y', source: 'MK<mask>YIA', label: 'A' }],
      training: { batchSize: 2, epochs: 1 },
      ...fields,
    }),
  );

/** The call of all examples to test with at one of the sites. */
function callOf({ test: examples, positions }: ResolvedAlign, index: number) {
  const at = (side: 'base' | 'source') =>
    examples.map(({ places }) => places[index % positions.length]?.[side] ?? []);
  return {
    base: examples.map(({ base }) => base.tokens),
    source: examples.map(({ source }) => source.tokens),
    places: { base: at('base'), source: at('source') },
    labels: examples.map(({ label }) => label.ids[0]),
    watched: examples.map(({ base }) => base.watched),
  };
}

const inMemory = (files: ReadonlyMap<string, Uint8Array>): PyveneFiles => ({
  label: 'trained',
  names: async () => [...files.keys()],
  read: async (file) => files.get(file) ?? new Uint8Array(),
});

/** The share that the whole runs of an IntervenableModel get right. */
async function accuracyOf(intervenable: IntervenableModel, align: ResolvedAlign, index: number) {
  const { base, source, places, labels, watched } = callOf(align, index);
  const { intervenedOutputs } = await intervenable.run({
    base,
    sources: [source],
    unitLocations: { 'sources->base': [[places.source], [places.base]] },
    logits: 'all',
  });
  const right = intervenedOutputs.logits.filter(({ data, shape }, at) => {
    const width = shape.at(-1) ?? 0;
    const own = data.subarray((watched[at] ?? 0) * width, ((watched[at] ?? 0) + 1) * width);
    return own.indexOf(Math.max(...own)) === labels[at];
  });
  return right.length / labels.length;
}

/** A directory of files. */
function written(files: ReadonlyMap<string, Uint8Array>, into: string): string {
  mkdirSync(into);
  for (const [file, bytes] of files) writeFileSync(join(into, file), bytes);
  return into;
}

/** The share that pyvene gets right with a folder, once it is told the module. */
function inPyvene(files: ReadonlyMap<string, Uint8Array>, align: ResolvedAlign, index: number): unknown {
  const out = mkdtempSync(join(tmpdir(), 'patchbay-'));
  try {
    const { modelType, components } = model.architecture;
    const component = components.find(({ name }) => name === align.experiment.site.component);
    const path = component && modulePathOf({ modelType }, component.name, 0)?.replace('[0]', '[{layer}]');
    if (!component || path === undefined) throw new Error('No module has it.');
    const declaring = [
      'import pyvene as pv',
      ...declaringLines(modelType, [declared(path, modelType, component)]),
    ];
    writeFileSync(join(out, 'call.json'), JSON.stringify({ ...callOf(align, index), declaring }));
    const script = fileURLToPath(new URL('align/expected/loadTrained.py', import.meta.url));
    const words = [script, folder, written(files, join(out, 'saved')), join(out, 'call.json')];
    const printed = execFileSync(python ?? '', words, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return JSON.parse(printed.trim().split('\n').at(-1) ?? '');
  } finally {
    rmSync(out, { recursive: true });
  }
}

describe('an accuracy map', () => {
  let align: ResolvedAlign;
  let result: Awaited<ReturnType<typeof completeAlign>>;
  beforeAll(async () => {
    const labels = await ownLabels();
    const data = maskedPrompts.flatMap((base, at) =>
      maskedPrompts.map((source, other) => ({
        base,
        source,
        label: labels[other] ?? 0,
        baseLabel: labels[at] ?? 0,
        sourceLabel: labels[other] ?? 0,
      })),
    );
    align = alignment({
      data,
      testData: data,
      site: { component: 'block_output', layer: 'all', position: ['mask', 'last', 2] },
      // All directions: a site that carries the whole answer is right everywhere, whatever the rotation is.
      intervention: { type: 'Rotated', dimensions: 16 },
      training: { batchSize: 36, epochs: 1 },
    });
    result = await completeAlign(model, align);
  });

  test('is 1 behind the last layer at the mask, and what nothing does elsewhere there', () => {
    const of = result.sites.map((site) => site?.final?.testAccuracy);
    expect(result.factual).toEqual({ right: maskedPrompts.length, of: maskedPrompts.length });
    expect(of.slice(-3, -2)).toEqual([1]);
    // Another position of the last layer is read by nobody, unless it is the mask of that prompt.
    expect(of.at(-2)).toBe(result.unedited);
    expect(result.unedited).toBeLessThan(0.6);
  });

  test('has at every site the accuracy of whole runs with what was trained', async () => {
    for (const index of align.sites.keys()) {
      const intervenable = await IntervenableModel.load(inMemory(trainedFolder(result, index)), model);
      expect(await accuracyOf(intervenable, align, index)).toBe(result.sites[index]?.final?.testAccuracy);
    }
    expect(siteNames(result)[0]).toBe('layer-0-position-mask');
    const of = result.sites.map((site) => site?.final?.testAccuracy);
    expect(new Set(of).size).toBeGreaterThan(2);
  });

  test.skipIf(python === undefined)('has that of pyvene with the same folders', () => {
    for (const index of [0, 2])
      expect(inPyvene(trainedFolder(result, index), align, index)).toBeCloseTo(
        result.sites[index]?.final?.testAccuracy ?? Number.NaN,
        9,
      );
  });
});

const causal = {
  causalModel: {
    first: { values: [...'AGV'] },
    other: { values: [...'KR'] },
    said: { parents: ['first'], function: 'copy' },
  },
  prompt: 'M{first}<mask>Y{other}AK',
  label: '{said}',
  interchange: 'first',
  count: 12,
  seed: 1,
} as const;

test('a causal model declares prompts with a mask, and its variables are positions', async () => {
  const data = { ...causal, causalModel: { ...causal.causalModel } };
  const site = { component: 'mlp_output', layer: [0, 1], position: ['first', 'mask'] };
  const align = alignment({ data, testData: { ...data, seed: 2 }, site } as Partial<AlignExperimentFile>);
  const [example] = align.train;
  expect([example?.base.watched, example?.source.watched]).toEqual([3, 3]);
  expect(example?.places).toEqual([
    { base: [2], source: [2] },
    { base: [3], source: [3] },
  ]);
  const joined = { ...site, position: [['first', 'mask']] };
  const both = alignment({
    data,
    testData: { ...data, seed: 2 },
    site: joined,
  } as Partial<AlignExperimentFile>);
  expect(both.train[0]?.places).toEqual([{ base: [2, 3], source: [2, 3] }]);
  const request = { data: align.experiment.data, testData: align.experiment.testData ?? [] };
  const task = describeTask(align, request, model.architecture, tokenizer);
  expect(task.examples[0]?.base.tokens.map(({ text }) => text)).toContain('<mask>');
  expect(task.examples[0]?.masks).toEqual([3, 3]);
  const own = await ownAnswers(model, align, tokenizer, {});
  expect(own.of).toBeGreaterThan(3);
  expect(own.wrong[0]?.prompt).toContain('<mask>');
  const result = await completeAlign(
    model,
    alignment({ data, testData: { ...data, seed: 2 } } as Partial<AlignExperimentFile>),
  );
  expect(result.factual?.right).toBe(own.right);
});

const example = { base: 'MKT<mask>Y', source: 'MK<mask>YIA', label: 'A' };
test.each<readonly [string, Partial<AlignExperimentFile>, string]>([
  [
    'no mask',
    { data: [{ ...example, base: 'MKTY' }] },
    "This esm model predicts what stands at a mask, and the prompt 'data.0.base' has none. Write '<mask>' where it should predict.",
  ],
  [
    'two masks',
    { data: [{ ...example, source: '<mask>KT<mask>Y' }] },
    "and the prompt 'data.0.source' has 2 ('<mask>'), of which one can be watched. Fill in the others.",
  ],
  [
    'an answer of several tokens',
    { data: [{ ...example, label: 'AG' }] },
    "The label 'data.0.label' is 2 tokens ('A', 'G'), and this model says one at its mask. Give one of a single token.",
  ],
  [
    'ids of several tokens',
    { data: [{ ...example, baseLabel: [5, 6, 7] }] },
    "The label 'data.0.baseLabel' is 3 tokens ('A', 'G', 'V'), and this model says one at its mask.",
  ],
  [
    'another position by the name of the mask',
    { data: [{ ...example, positions: { mask: 1 } }] },
    "'data.0.positions' has 'mask', which is the mask of each prompt in this model. Name that position otherwise.",
  ],
  [
    'a position that nothing names',
    { site: { component: 'block_output', layer: 0, position: 'name' } },
    "'data.0.positions' has no 'name', which 'site.position' names. Known: last, mask.",
  ],
  [
    'one token joined twice',
    { site: { component: 'block_output', layer: 0, position: [['mask', 4]] } },
    "'site.position' joins mask and 4, and in 'data.0.base' mask and 4 are both position 4.",
  ],
])('an alignment with %s is refused with a sentence', (_, fields, sentence) => {
  expect(() => alignment(fields)).toThrow(sentence);
});

test('the mask is no position of a model that goes on behind its prompts', () => {
  const ids = { base: [1, 2, 3], source: [3, 2, 1], label: 4 };
  expect(() => alignment({ data: [ids, { ...ids, label: 5 }] }, gpt2)).toThrow(
    "'data.0.positions' has no 'mask', which 'site.position' names. Did you mean 'last'? Known: last.",
  );
});

test('a base that differs anywhere is whole from its layer on: rows fork at position 0', async () => {
  const align = alignment({ site: { component: 'block_output', layer: 0, position: 'last' } });
  const { KeptExamples, promptsOf } = await import('./align/keptExamples.ts');
  const [site] = align.sites;
  const [needed] = promptsOf(model.architecture, align, 1e9);
  if (!site || !needed) throw new Error('There is no site.');
  const kept = await KeptExamples.of(model, align, site, needed, { done: () => {} });
  const { trainableOf } = await import('./align/trainable.ts');
  const { partsOf } = await import('./align/sites.ts');
  const trainable = trainableOf(align.experiment, partsOf(align, site));
  const fragments = trainable.fragments(trainable.trained, 1);
  const { rows, first } = kept.rows(align.train, fragments);
  expect(
    rows.slice(first).map(({ start }) => start.kind === 'fork' && [start.layer, start.position]),
  ).toEqual([
    [1, 0],
    [1, 0],
  ]);
  // Every position of the rows is what the same edits make of whole prompts.
  const whole = align.train.map(({ base }, at) => ({
    ...runRow(base),
    edits: rows[first + at]?.edits ?? [],
  }));
  const logits = { component: 'logits', layer: null };
  const readAll = (of: readonly unknown[], from: number) =>
    of.map((_, at) => ({ row: from + at, site: logits, location: { positions: 'all' as const } }));
  const forked = await model.run({ rows, reads: readAll(align.train, first) });
  const plain = await model.run({ rows: whole, reads: readAll(align.train, 0) });
  forked.forEach(({ value }, at) => {
    [...(value?.data ?? [])].forEach((number, entry) => {
      expect(number).toBeCloseTo(plain[at]?.value?.data[entry] ?? Number.NaN, 5);
    });
  });
  kept.dispose();
});
