// What was trained, used through the library and through pyvene: the accuracy is the one that training reported.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openModel } from '../../checkpoint/openNode.ts';
import { IntervenableModel } from '../../interventions/intervenableModel.ts';
import type { PyveneFiles } from '../../interventions/pyvene/pyveneFolder.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { type AlignExperimentFile, readAlignExperiment } from './experiment.ts';
import { type ResolvedAlign, resolveAlign } from './resolve.ts';
import { type AlignResult, readAlignResult } from './result.ts';
import { siteNames, trainedFolder, trainedIntervention } from './trained.ts';
import { completeAlign } from './work.ts';

const python = process.env.PATCHBAY_PYTHON;
const folder = new URL('../../../models/tiny-atlas/', import.meta.url);
const stored = (name: string): AlignResult =>
  readAlignResult(
    JSON.parse(
      readFileSync(new URL(`../../../examples/align/results/${name}.json`, import.meta.url), 'utf8'),
    ),
  );

let backend: Backend;
let model: Model;
let align: (result: AlignResult) => ResolvedAlign;
let close: () => Promise<void>;
beforeAll(async () => {
  backend = createNodeBackend(1);
  const checkpoint = await openModel(folder.pathname);
  const tokenizer = await checkpoint.tokenizer();
  model = await Model.load(checkpoint, backend);
  align = ({ experiment }) => resolveAlign(model.architecture, tokenizer, experiment);
  close = () => checkpoint.close();
});
afterAll(async () => {
  await model.dispose();
  await close();
  await backend.close();
});

/** The call of all examples to test with, at the site's positions. */
function callOf(result: AlignResult, index: number) {
  const { test: examples } = align(result);
  const place = index % result.positions.length;
  const at = (side: 'base' | 'source') => examples.map(({ places }) => places[place]?.[side] ?? []);
  return {
    base: examples.map(({ base }) => base.tokens),
    source: examples.map(({ source }) => source.tokens),
    places: { base: at('base'), source: at('source') },
    heads: result.experiment.site.heads ?? null,
    labels: examples.map(({ label }) => label.ids[0]),
  };
}

async function accuracyOf(intervenable: IntervenableModel, result: AlignResult, index: number) {
  const { base, source, places, heads, labels } = callOf(result, index);
  const units = (positions: readonly (readonly number[])[]) =>
    heads ? [[positions.map(() => heads), positions]] : [positions];
  const { intervenedOutputs } = await intervenable.run({
    base,
    sources: [source],
    unitLocations: { 'sources->base': [units(places.source), units(places.base)] },
    logits: 'last',
  });
  const right = intervenedOutputs.logits.filter(
    ({ data }, at) => data.indexOf(Math.max(...data)) === labels[at],
  );
  return right.length / labels.length;
}

/** The share that pyvene gets right with the folder of a site. */
function inPyvene(result: AlignResult, index: number): unknown {
  const out = mkdtempSync(join(tmpdir(), 'patchbay-'));
  try {
    mkdirSync(join(out, 'saved'));
    for (const [file, bytes] of trainedFolder(result, index)) writeFileSync(join(out, 'saved', file), bytes);
    writeFileSync(join(out, 'call.json'), JSON.stringify(callOf(result, index)));
    const script = fileURLToPath(new URL('expected/loadTrained.py', import.meta.url));
    const words = [script, fileURLToPath(folder), join(out, 'saved'), join(out, 'call.json')];
    const printed = execFileSync(python ?? '', words, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return JSON.parse(printed.trim().split('\n').at(-1) ?? '');
  } finally {
    rmSync(out, { recursive: true });
  }
}

const cases = [
  ['gender-sites', 4, 'layer-2-position-name'],
  ['gender-sites', 5, 'layer-2-position-last'],
  ['gender-sites', 13, 'layer-6-position-last'],
  ['gender-boundless', 0, undefined],
] as const;

describe.each(cases)('%s, site %i', (name, index, expectedName) => {
  test('as a configuration has the accuracy that was reported', async () => {
    const result = stored(name);
    const site = result.sites[index];
    if (expectedName) expect(siteNames(result)[index]).toBe(expectedName);
    const { configuration, parameters } = trainedIntervention(result, index);
    const intervenable = new IntervenableModel(configuration, model, { parameters });
    expect(await accuracyOf(intervenable, result, index)).toBe(site?.final?.testAccuracy);
  });

  test('as a folder of pyvene has it too', async () => {
    const result = stored(name);
    const files = trainedFolder(result, index);
    const given: PyveneFiles = {
      label: 'trained',
      names: async () => [...files.keys()],
      read: async (file) => files.get(file) ?? new Uint8Array(),
    };
    const intervenable = await IntervenableModel.load(given, model);
    expect(await accuracyOf(intervenable, result, index)).toBe(result.sites[index]?.final?.testAccuracy);
  });

  test.skipIf(python === undefined)('in pyvene itself has it too', () => {
    const result = stored(name);
    expect(inPyvene(result, index)).toBeCloseTo(result.sites[index]?.final?.testAccuracy ?? Number.NaN, 9);
  });
});

test.each<AlignExperimentFile['intervention']>([
  { type: 'Rotated', dimensions: 5 },
  { type: 'SigmoidMask' },
  { type: 'SigmoidMaskRotated' },
])('a $type that was just trained has the accuracy that was reported', async (intervention) => {
  const { experiment } = stored('gender-sites');
  const short = readAlignExperiment({
    ...experiment,
    intervention,
    site: { component: 'block_output', layer: 6, position: 'last' },
    training: { batchSize: 32, epochs: 2, learningRate: 0.01 },
  });
  const result = await completeAlign(model, align({ ...stored('gender-sites'), experiment: short }));
  const files = trainedFolder(result, 0);
  const given: PyveneFiles = {
    label: 'trained',
    names: async () => [...files.keys()],
    read: async (file) => files.get(file) ?? new Uint8Array(),
  };
  const intervenable = await IntervenableModel.load(given, model);
  expect(await accuracyOf(intervenable, result, 0)).toBe(result.sites[0]?.final?.testAccuracy);
});

describe.each<AlignExperimentFile['site']>([
  { component: 'block_output', layer: 3, position: [['name', 'last']] },
  { component: 'head_value_output', layer: 0, position: 'name', heads: [3, 0, 2, 1] },
])('units of $component that are one site', (site) => {
  let result: AlignResult;
  beforeAll(async () => {
    const { experiment } = stored('gender-sites');
    const training = { batchSize: 16, epochs: 2, learningRate: 0.02 };
    const intervention = { type: 'LowRankRotated', rank: 4 };
    const short = readAlignExperiment({ ...experiment, site, training, intervention });
    result = await completeAlign(model, align({ ...stored('gender-sites'), experiment: short }));
  });

  test('have the accuracy that was reported, as a folder of pyvene', async () => {
    const files = trainedFolder(result, 0);
    const given: PyveneFiles = {
      label: 'trained',
      names: async () => [...files.keys()],
      read: async (file) => files.get(file) ?? new Uint8Array(),
    };
    const intervenable = await IntervenableModel.load(given, model);
    const reported = result.sites[0]?.final?.testAccuracy;
    expect(await accuracyOf(intervenable, result, 0)).toBe(reported);
    // Something was learned, so that another site or another order would show.
    expect(reported).toBeGreaterThan(result.unedited + 0.1);
  });

  test.skipIf(python === undefined)('in pyvene itself have it too', () => {
    expect(inPyvene(result, 0)).toBeCloseTo(result.sites[0]?.final?.testAccuracy ?? Number.NaN, 9);
  });
});

test('what is not there is reported', () => {
  const result = stored('gender-sites');
  const none = { ...result, sites: result.sites.map(() => null) };
  expect(() => trainedFolder(none, 3)).toThrow('Site 3 was not begun, so nothing was trained there.');
  for (const index of [16, -1, 0.5])
    expect(() => trainedFolder(result, index)).toThrow(
      `There is no site ${index}; this alignment has sites 0 to 15.`,
    );
  const damaged = (parameters: AlignResult['sites'][number]) => ({ ...result, sites: [parameters] });
  const [site] = result.sites;
  if (!site?.parameters.rotation) throw new Error('no rotation');
  expect(() => trainedIntervention(damaged({ ...site, parameters: {} }), 0)).toThrow('rotation');
  const turned = { ...site.parameters.rotation, shape: [1, 128] };
  expect(() => trainedIntervention(damaged({ ...site, parameters: { rotation: turned } }), 0)).toThrow(
    '[1, 128]',
  );
});

test('folders have names of their own, and none is too long for a disk', () => {
  const positions = [
    ...['the name', 'the-name', 2, '2', '2-2', 'The name'],
    ...['x'.repeat(300), `${'x'.repeat(300)}y`, '𝒳'.repeat(50)],
  ];
  const names = siteNames({ layers: [0, 1], positions });
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(18);
  expect(names.every((name) => name.isWellFormed())).toBe(true);
  expect(names.slice(0, 4)).toEqual([
    'layer-0-position-the-name',
    'layer-0-position-the-name-2',
    'layer-0-position-2',
    'layer-0-position-2-2',
  ]);
  expect(Math.max(...names.map((name) => Buffer.byteLength(name)))).toBeLessThan(255);
});
