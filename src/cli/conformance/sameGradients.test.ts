// One model as a checkpoint of a family and as an ONNX file that Transformers' users export: the same gradients. Needs Python
// with torch and transformers, named by PATCHBAY_PYTHON, and the references beside the repository.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAlignExperiment } from '../../experiments/align/experiment.ts';
import { numbersOfText } from '../../experiments/align/numbersText.ts';
import { resolveAlign } from '../../experiments/align/resolve.ts';
import { completeAlign } from '../../experiments/align/work.ts';
import { attributePatches } from '../../experiments/attribute/attribute.ts';
import { add, mul, sub } from '../../onnx/elementwise.ts';
import { standardNormal } from '../../random/noise.ts';
import { crossEntropy, weightedEntries } from '../../runtime/backward/objectives.ts';
import type { Model } from '../../runtime/model.ts';
import type { Fragment, Row } from '../../runtime/plan/plan.ts';
import { withModel } from '../hostModel.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const references = join(root, '..', 'shared', 'reference', 'fixtures');
const python = process.env.PATCHBAY_PYTHON;
const canRun = python !== undefined && existsSync(references);

const clean = [5, 9, 2, 7, 11];
const corrupted = [5, 3, 2, 7, 8];
const components = ['block_output', 'attention_output', 'mlp_output', 'head_attention_value_output'];

const row = (tokens: readonly number[], edits: Row['edits'] = []): Row => ({
  start: { kind: 'tokens', tokens },
  edits,
});

/** out = base + (source - base) a + b: both parameters are trained. */
const mixed = (width: number): Fragment => ({
  key: 'mixed',
  parameters: {
    a: { data: Float32Array.from(standardNormal(4, width)), shape: [width] },
    b: { data: Float32Array.from(standardNormal(5, width)), shape: [width] },
  },
  build: ({ base, source, parameter }) =>
    add(add(base, mul(sub(source ?? base, base), parameter('a'))), parameter('b')),
});

async function measured(model: Model): Promise<Readonly<Record<string, readonly number[]>>> {
  const found: Record<string, readonly number[]> = {};
  for (const steps of [undefined, 3]) {
    const request = { clean, corrupted, answer: 4, distractor: 6, components };
    const { attributions, baselines } = await attributePatches(model, {
      ...request,
      ...(steps === undefined ? {} : { steps }),
    });
    found[`baselines ${steps}`] = Object.values(baselines);
    for (const { component, values } of attributions) found[`${component} ${steps}`] = [...values];
  }
  const width = model.architecture.width;
  const site = { component: 'block_output', layer: 0 };
  const location = { positions: [1, 3] };
  const [source] = await model.run({ rows: [row(clean)], reads: [{ row: 0, site, location }] });
  const data = Float32Array.from(source?.value?.data ?? []);
  const fragment = mixed(width);
  const edit = { site, location, fragment, source: { kind: 'tensor' as const, data } };
  // The same parameters in a later layer, behind the first edit and on the way of its gradient.
  const later = { ...edit, site: { component: 'mlp_output', layer: 1 }, location: { positions: [2, 3] } };
  const rows: readonly Row[] = [
    row(corrupted, [edit]),
    row(corrupted, [edit, later]),
    { start: { kind: 'fork', parent: 0, layer: 1, position: 2 }, edits: [later] },
  ];
  const term = (index: number, labels: readonly number[]) => ({
    row: index,
    site: { component: 'logits', layer: null },
    location: { positions: labels.map((_, at) => at + 3) },
    weight: 0.5 + index,
    ...crossEntropy(labels),
  });
  const at = ['attention_weight', 'block_output'].map((component) => ({
    row: 1,
    site: { component, layer: 1 },
    location: { positions: 'all' as const },
  }));
  const result = await model.gradients({
    rows: model.architecture.isCausal ? rows : rows.slice(0, 2),
    terms: [
      term(0, [4]),
      term(1, [6, 2]),
      ...(model.architecture.isCausal ? [term(2, [3, 1])] : []),
      {
        row: 1,
        site: { component: 'logits', layer: null },
        location: { positions: [4] },
        ...weightedEntries([[{ entry: 1, factor: 2 }]]),
      },
    ],
    at,
    of: [fragment.parameters],
  });
  found.objective = [result.objective];
  for (const [index, { data: own }] of result.at.entries()) found[`at ${index}`] = [...own];
  for (const [name, own] of Object.entries(result.of[0] ?? {})) found[`of ${name}`] = [...own.data];
  return found;
}

/** Losses and what was learned: two sites, a rotation and a boundary. */
async function aligned(model: Model): Promise<Readonly<Record<string, readonly number[]>>> {
  const found: Record<string, readonly number[]> = {};
  const data = Array.from({ length: 6 }, (_, at) => ({
    base: [3 + at, 7, (5 * at) % 11, 2],
    source: [9, 4 + at, 6, at % 2],
    label: 4 + (at % 3),
  }));
  for (const intervention of [{ type: 'LowRankRotated', rank: 3 }, { type: 'BoundlessRotated' }])
    for (const site of [
      { component: 'block_output', layer: 1, position: 2 },
      { component: 'mlp_output', layer: 0, position: 'last' },
    ]) {
      const experiment = {
        kind: 'align',
        version: 1,
        model: 'tiny',
        site,
        intervention,
        data: data.slice(0, 4),
        testData: data.slice(4),
        // Adam divides by gradients, so that what rounding leaves of one that is almost zero would be a step.
        training: {
          batchSize: 2,
          epochs: 2,
          learningRate: 0.5,
          optimizer: 'sgd',
          shuffle: false,
          schedule: 'constant',
        },
      };
      const align = resolveAlign(model.architecture, undefined, readAlignExperiment(experiment));
      const result = await completeAlign(model, align);
      const [own] = result.sites;
      const name = `${intervention.type} of ${site.component}`;
      found[`${name}: losses`] = own?.steps.loss ?? [];
      for (const [parameter, text] of Object.entries(own?.parameters ?? {}))
        found[`${name}: ${parameter}`] = [...numbersOfText(text, parameter)];
    }
  return found;
}

interface Files {
  readonly checkpoint: string;
  readonly file: string;
}

/** @param tolerance as a share of the largest number */
async function expectSame(
  { checkpoint, file }: Files,
  measure: (model: Model) => Promise<Readonly<Record<string, readonly number[]>>>,
  tolerance: number,
): Promise<void> {
  const both: Readonly<Record<string, readonly number[]>>[] = [];
  for (const name of [checkpoint, file])
    both.push(await withModel(name, 'node', { threads: 1 }, (model) => measure(model)));
  const [own = {}, imported = {}] = both;
  expect(Object.keys(imported)).toEqual(Object.keys(own));
  for (const [name, expected] of Object.entries(own)) {
    const largest = Math.max(...expected.map(Math.abs));
    expect(imported[name]?.length).toBe(expected.length);
    expect(largest).toBeGreaterThan(0);
    for (const [index, value] of expected.entries())
      expect(Math.abs(value - (imported[name]?.[index] ?? Number.NaN)), `${name} ${index}`).toBeLessThan(
        tolerance * largest,
      );
  }
}

test.skipIf(!canRun).each(['gpt2', 'llama', 'bert', 'gpt_neox'])(
  'the gradients of %s, what is attributed and what is trained by them are those of its ONNX file',
  async (family) => {
    const directory = mkdtempSync(join(tmpdir(), 'patchbay-same-'));
    try {
      const file = join(directory, 'model.onnx');
      const checkpoint = join(references, family, 'model');
      const script = join(root, 'src', 'imported', 'fixtures', 'exported.py');
      execFileSync(python ?? '', [script, checkpoint, file], { stdio: 'pipe' });
      await expectSame({ checkpoint, file }, measured, 1e-4);
      // Encoders are not aligned.
      if (family !== 'bert') await expectSame({ checkpoint, file }, aligned, 1e-4);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  240_000,
);
