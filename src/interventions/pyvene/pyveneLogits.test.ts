// The same interventions here and in pyvene: folders written here give the same logits there, and what pyvene saves of
// them gives the same logits here again.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { openFolder } from '../../checkpoint/openNode.ts';
import { standardNormal } from '../../random/noise.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { readConfiguration } from '../configuration/configuration.ts';
import type { UnitLocations } from '../configuration/locations.ts';
import { IntervenableModel, type IntervenableOutput } from '../intervenableModel.ts';
import type { PyveneFiles } from './pyveneFolder.ts';

const python = process.env.PATCHBAY_PYTHON;
const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const modelPath = pathOf('../../cli/conformance/expected/interventions-gpt2/model');

const base = [
  [3, 17, 8, 25, 1, 20, 12],
  [9, 2, 11, 4, 28, 6, 19],
];
const source = [
  [5, 9, 21, 2, 14, 7, 19],
  [1, 1, 2, 3, 5, 8, 13],
];
const width = 16;
const numbers = (seed: number, count: number) => [...standardNormal(seed, count)].map(Math.fround);
const both = (units: readonly number[]) => [units, units];
const here: UnitLocations = { 'sources->base': [[both([1])], [both([4])]] };
const alone = (positions: readonly number[]): UnitLocations => ({ base: [both(positions)] });
const block = { layer: 1, component: 'block_output' };

interface Case {
  readonly configuration: unknown;
  readonly sources: readonly (readonly (readonly number[])[] | null)[];
  readonly unit_locations: UnitLocations | null;
  readonly subspaces?: readonly (readonly (readonly number[])[])[];
}

const typed = (type: string, more: object = {}): unknown => ({ ...block, intervention_type: type, ...more });
const swap = (type: string, more: object = {}, subspaces?: Case['subspaces']): Case => ({
  configuration: typed(type, more),
  sources: [source],
  unit_locations: here,
  ...(subspaces ? { subspaces } : {}),
});
const constant = (type: string, more: object = {}): Case => ({
  configuration: typed(type, { source_representation: numbers(5, width), ...more }),
  sources: [],
  unit_locations: alone([4]),
});

const cases: Readonly<Record<string, Case>> = {
  vanilla: swap('VanillaIntervention'),
  vanillaConstant: constant('VanillaIntervention'),
  additionConstant: constant('AdditionIntervention'),
  subtractionConstant: constant('SubtractionIntervention'),
  addition: swap('AdditionIntervention', { component: 'mlp_output' }),
  zero: { configuration: typed('ZeroIntervention'), sources: [], unit_locations: alone([2, 5]) },
  collect: { configuration: typed('CollectIntervention'), sources: [], unit_locations: alone([3]) },
  noise: {
    configuration: typed('NoiseIntervention', { layer: 0, component: 'block_input' }),
    sources: [],
    unit_locations: alone([0, 1, 2, 3]),
  },
  skip: { ...swap('SkipIntervention'), sources: [base] },
  rotated: swap(
    'RotatedSpaceIntervention',
    {
      subspace_partition: [
        [0, 5],
        [5, 16],
      ],
    },
    [both([0])],
  ),
  lowRank: swap('LowRankRotatedSpaceIntervention', { low_rank_dimension: 3 }),
  boundless: swap('BoundlessRotatedSpaceIntervention'),
  sigmoidMask: swap('SigmoidMaskIntervention'),
  sigmoidMaskRotated: swap('SigmoidMaskRotatedSpaceIntervention'),
  autoencoder: swap('AutoencoderIntervention', { latent_dim: 9 }),
  autoencoderLatents: swap('AutoencoderIntervention', { latent_dim: 9, interchange_dim: [1, 4] }),
  jumpRelu: swap('JumpReLUAutoencoderIntervention', { low_rank_dimension: 20 }),
  head: {
    configuration: typed('LowRankRotatedSpaceIntervention', {
      component: 'head_attention_value_output',
      unit: 'h',
      low_rank_dimension: 2,
    }),
    sources: [source],
    unit_locations: { 'sources->base': [[both([0])], [both([2])]] },
  },
  groups: {
    configuration: [
      { ...block, layer: 0, group_key: 0 },
      { ...block, component: 'mlp_output', group_key: 0 },
      { layer: 2, component: 'attention_output', group_key: 1 },
    ],
    sources: [source, base],
    unit_locations: {
      'sources->base': [
        [both([1]), both([2]), both([3])],
        [both([2]), both([3]), both([4])],
      ],
    },
  },
  serial: {
    configuration: {
      mode: 'serial',
      intervention_types: 'LowRankRotatedSpaceIntervention',
      representations: [
        { ...block, layer: 0, low_rank_dimension: 5 },
        { ...block, low_rank_dimension: 4 },
      ],
    },
    sources: [source, base],
    unit_locations: {
      'source_0->source_1': [[both([1])], [both([3])]],
      'source_1->base': [[both([4])], [both([5])]],
    },
  },
  modulePath: {
    configuration: typed('AdditionIntervention', {
      component: 'transformer.h[1].attn.c_proj.output',
      source_representation: numbers(6, width),
    }),
    sources: [],
    unit_locations: alone([4]),
  },
};

function filesIn(folder: string): PyveneFiles {
  return {
    label: folder,
    names: () => readdirSync(folder),
    read: async (name) => new Uint8Array(readFileSync(join(folder, name))),
  };
}

const reportSchema = v.record(
  v.string(),
  v.object({
    error: v.optional(v.string()),
    logits: v.optional(v.array(v.number()), []),
    collected: v.optional(v.array(v.array(v.number())), []),
  }),
);

/** All that a call returned, flat. */
const flat = ({ intervenedOutputs, collectedActivations }: IntervenableOutput): readonly number[] => [
  ...intervenedOutputs.logits.flatMap(({ data }) => [...data]),
  ...collectedActivations.flatMap((examples) => examples.flatMap(({ data }) => [...data])),
];

function expectClose(name: string, found: readonly number[], wanted: readonly number[]): void {
  expect([name, found.length]).toEqual([name, wanted.length]);
  const worst = found.reduce((most, x, i) => {
    const y = wanted[i] ?? Number.NaN;
    return Math.max(most, Math.abs(x - y) / (1e-5 + 1e-4 * Math.abs(y)));
  }, 0);
  expect(worst, name).toBeLessThan(1);
}

/** Every parameter that starts as a constant is moved off it, so that a lost one shows. */
function shaken(intervenable: IntervenableModel) {
  return Object.fromEntries(
    [...intervenable.interventions].map(([key, { parameters }], index) => [
      key,
      Object.fromEntries(
        Object.entries(parameters).map(([name, { data, shape }], place) => {
          if (name === 'rotation') return [name, { data, shape }];
          const noise = numbers(100 + 10 * index + place, data.length);
          return [name, { data: data.map((x, i) => x / 4 + 0.3 * (noise[i] ?? 0)), shape }];
        }),
      ),
    ]),
  );
}

test.skipIf(python === undefined)(
  'a folder written here gives the same logits in pyvene, and what pyvene saves gives them here (needs PATCHBAY_PYTHON, a Python with torch and pyvene)',
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'patchbay-logits-'));
    const backend = createNodeBackend(1);
    const checkpoint = await openFolder(modelPath);
    const model = await Model.load(checkpoint, backend);
    try {
      const results = new Map<string, readonly number[]>();
      const run = (intervenable: IntervenableModel, { sources, unit_locations, subspaces }: Case) =>
        intervenable.run({
          base,
          sources,
          unitLocations: unit_locations,
          ...(subspaces ? { subspaces } : {}),
        });
      for (const [name, each] of Object.entries(cases)) {
        const configuration = readConfiguration(each.configuration);
        const parameters = shaken(new IntervenableModel(configuration, model));
        const intervenable = new IntervenableModel(configuration, model, { parameters });
        results.set(name, flat(await run(intervenable, each)));
        const folder = join(root, 'here', name);
        mkdirSync(folder, { recursive: true });
        for (const [file, bytes] of intervenable.save()) writeFileSync(join(folder, file), bytes);
        const { sources, unit_locations, subspaces = null } = each;
        writeFileSync(
          join(folder, 'call.json'),
          JSON.stringify({ base, sources, unit_locations, subspaces }),
        );
      }
      const script = pathOf('../expected/run_pyvene.py');
      const words = [script, modelPath, join(root, 'here'), join(root, 'there'), join(root, 'report.json')];
      execFileSync(python ?? '', words, { stdio: ['ignore', 'ignore', 'pipe'] });
      const report = v.parse(reportSchema, JSON.parse(readFileSync(join(root, 'report.json'), 'utf8')));
      for (const [name, each] of Object.entries(cases)) {
        const there = report[name];
        expect([name, there?.error]).toEqual([name, undefined]);
        expectClose(name, results.get(name) ?? [], [
          ...(there?.logits ?? []),
          ...(there?.collected ?? []).flat(),
        ]);
        const again = await IntervenableModel.load(filesIn(join(root, 'there', name)), model);
        expectClose(name, flat(await run(again, each)), results.get(name) ?? []);
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
      await model.dispose();
      await checkpoint.close();
      await backend.close();
    }
  },
);
