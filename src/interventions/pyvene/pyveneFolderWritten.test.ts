// Folders written here: read again, refused where pyvene could not load them, and loaded and run by pyvene itself.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { readTorchFile } from '../../checkpoint/torch/torchFile.ts';
import { expectSame, filesOf, folderSchema, ones, savedFiles } from '../expected/pyveneFolders.ts';
import {
  type PyveneFolder,
  type PyveneIntervention,
  type PyveneRepresentation,
  readPyveneFolder,
  writePyveneFolder,
} from './pyveneFolder.ts';
import type { PyveneTensor } from './pyveneState.ts';

/** Orthonormal columns: those of a sine transform, which is its own inverse. */
function rotation(rows: number, columns: number): PyveneTensor {
  const data = Float32Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns) + 1, (at % columns) + 1];
    return Math.sqrt(2 / (rows + 1)) * Math.sin((Math.PI * row * column) / (rows + 1));
  });
  return { data, shape: [rows, columns] };
}

const representation: PyveneRepresentation = {
  layer: 0,
  component: 'block_output',
  unit: 'pos',
  max_number_of_units: 1,
  low_rank_dimension: null,
  subspace_partition: null,
  group_key: null,
  intervention_link_key: null,
  moe_key: null,
  latent_dim: null,
};
const blockKey = 'layer_0_comp_block_output_unit_pos_nunit_1#0';

const of = (type: string, more: Partial<PyveneIntervention> = {}): PyveneFolder => ({
  mode: 'parallel',
  interventions: [{ key: blockKey, representation, type, dimension: 24, parameters: {}, ...more }],
});

const one: PyveneTensor = { data: Float32Array.of(0.25), shape: [1] };
const rawPath = { ...representation, component: 'transformer.h[1].mlp.output', layer: 0 };
const rawKey = 'comp_transformer_h[1]_mlp_output_unit_pos_nunit_1#0';

/** One folder of every type, on a width of 24, with numbers that pyvene did not make. */
const written: Readonly<Record<string, PyveneFolder>> = {
  rotated: of('RotatedSpaceIntervention', { parameters: { rotation: rotation(24, 24) } }),
  lowRank: of('LowRankRotatedSpaceIntervention', {
    parameters: { rotation: rotation(24, 5) },
    dimension: null,
  }),
  lowRankWhole: of('LowRankRotatedSpaceIntervention', { parameters: { rotation: rotation(24, 24) } }),
  boundless: of('BoundlessRotatedSpaceIntervention', {
    parameters: { rotation: rotation(24, 24), boundary: one, temperature: one },
  }),
  maskRotated: of('SigmoidMaskRotatedSpaceIntervention', {
    parameters: { rotation: rotation(24, 24), mask: ones(24), temperature: one },
  }),
  mask: of('SigmoidMaskIntervention', { parameters: { mask: ones(24), temperature: one } }),
  autoencoder: of('AutoencoderIntervention', {
    dimension: [1, 3],
    parameters: {
      encoder_weight: ones(6, 24),
      encoder_bias: ones(6),
      decoder_weight: ones(24, 6),
      decoder_bias: ones(24),
    },
  }),
  jumpRelu: of('JumpReLUAutoencoderIntervention', {
    parameters: {
      W_enc: ones(24, 6),
      W_dec: ones(6, 24),
      threshold: ones(6),
      b_enc: ones(6),
      b_dec: ones(24),
    },
  }),
  loreft: of('LoreftIntervention', {
    parameters: { weight: ones(4, 24), bias: ones(4), rotation: rotation(24, 4) },
  }),
  vanilla: of('VanillaIntervention'),
  vanillaConstant: of('VanillaIntervention', { sourceRepresentation: ones(24) }),
  addition: of('AdditionIntervention', { sourceRepresentation: ones(1, 24) }),
  additionAtPath: of('AdditionIntervention', {
    key: rawKey,
    representation: rawPath,
    dimension: null,
    sourceRepresentation: ones(24),
  }),
  subtraction: of('SubtractionIntervention', { dimension: 7 }),
  skip: of('SkipIntervention'),
  zero: of('ZeroIntervention'),
  collect: of('CollectIntervention'),
  noise: of('NoiseIntervention'),
  linked: {
    mode: 'parallel',
    interventions: [0, 1].map((layer) => ({
      key: `layer_${layer}_comp_block_output_unit_pos_nunit_1#0`,
      representation: {
        ...representation,
        layer,
        intervention_link_key: 'tied',
        group_key: 0,
        low_rank_dimension: 2,
      },
      type: 'LowRankRotatedSpaceIntervention',
      dimension: 24,
      parameters: { rotation: rotation(24, 2) },
    })),
  },
  serial: {
    mode: 'serial',
    interventions: [0, 1].map((layer) => ({
      key: `layer_${layer}_comp_mlp_output_unit_pos_nunit_1#0`,
      representation: { ...representation, layer, component: 'mlp_output' },
      type: 'VanillaIntervention',
      dimension: 24,
      parameters: {},
    })),
  },
};

test.each(Object.entries(written))('%s: what is written is read again', async (_, folder) => {
  const read = await readPyveneFolder(filesOf(writePyveneFolder(folder)));
  const parts = ({ mode, interventions }: PyveneFolder): unknown => [
    mode,
    interventions.map(({ key, type, parameters, sourceRepresentation }) => [
      key,
      type,
      parameters,
      sourceRepresentation,
    ]),
  ];
  expect(parts(read)).toEqual(parts(folder));
});

test.each(['trained', 'linked', 'loreft', 'heads'])(
  '%s: the tensors written have the names, dtypes and shapes of those that pyvene saves',
  async (name) => {
    const saved = savedFiles(name);
    const files = writePyveneFolder(await readPyveneFolder(filesOf(saved)));
    const facts = (file: string, from: ReadonlyMap<string, Uint8Array>): unknown =>
      [...readTorchFile(from.get(file) ?? new Uint8Array(0), file)]
        .map(([tensor, { dtype, shape }]) => [tensor, dtype, ...shape].join(' '))
        .sort();
    const bins = [...saved.keys()].filter((file) => file.endsWith('.bin'));
    expect(bins.map((file) => facts(file, files))).toEqual(bins.map((file) => facts(file, saved)));
  },
);

test('dimensions that the parameters imply are written where the representation leaves them out', async () => {
  const fieldsOf = async (name: string): Promise<PyveneIntervention | undefined> =>
    (await readPyveneFolder(filesOf(writePyveneFolder(written[name] ?? of('none'))))).interventions[0];
  expect((await fieldsOf('lowRank'))?.representation.low_rank_dimension).toBe(5);
  expect((await fieldsOf('lowRank'))?.dimension).toBe(24);
  expect((await fieldsOf('autoencoder'))?.representation.latent_dim).toBe(6);
  expect((await fieldsOf('autoencoder'))?.dimension).toEqual([1, 3]);
});

const [first, second] = written.linked?.interventions ?? [];
const pair = (change: Partial<PyveneIntervention>): PyveneFolder => ({
  mode: 'parallel',
  interventions: first && second ? [first, { ...second, ...change }] : [],
});

test.each<[string, PyveneFolder, string]>([
  ['an unknown type', of('LobireftIntervention'), "unknown type 'LobireftIntervention'"],
  ['a function', of('LambdaIntervention'), 'it is a Python function'],
  ['another key', of('ZeroIntervention', { key: 'mine' }), `should have the key '${blockKey}'`],
  ['a missing parameter', of('RotatedSpaceIntervention'), "lacks the parameter 'rotation'"],
  [
    'a parameter too many',
    of('ZeroIntervention', { parameters: { mask: one } }),
    'ZeroIntervention has no parameters',
  ],
  [
    'a rotation that is not square',
    of('RotatedSpaceIntervention', { parameters: { rotation: rotation(24, 3) } }),
    "has 'rotation' of shape [24, 3], and the width is 24",
  ],
  [
    'a rank that is not the one of the representation',
    of('LowRankRotatedSpaceIntervention', {
      representation: { ...representation, low_rank_dimension: 4 },
      parameters: { rotation: rotation(24, 3) },
    }),
    'low_rank_dimension is 4',
  ],
  [
    'a trained intervention at a path',
    of('RotatedSpaceIntervention', {
      key: rawKey,
      representation: rawPath,
      parameters: { rotation: rotation(24, 24) },
    }),
    'for which pyvene knows no width',
  ],
  [
    'a constant source beside trained parameters',
    of('RotatedSpaceIntervention', {
      parameters: { rotation: rotation(24, 24) },
      sourceRepresentation: ones(24),
    }),
    'pyvene would load the constant and nothing else of it',
  ],
  [
    'a source for nothing',
    of('ZeroIntervention', { sourceRepresentation: ones(24) }),
    'takes none; leave it out',
  ],
  [
    'a source that does not fill its shape',
    of('VanillaIntervention', { sourceRepresentation: { data: new Float32Array(3), shape: [24] } }),
    'a constant source of shape [24] and 3 numbers',
  ],
  [
    'a component that leaves the folder',
    of('ZeroIntervention', { representation: { ...representation, component: '../../up' } }),
    'cannot name a file',
  ],
  ['linked interventions that differ', pair({ parameters: { rotation: rotation(24, 1) } }), 'are linked by'],
  [
    'groups out of order',
    {
      mode: 'parallel',
      interventions: [1, 0].map((group, layer) => ({
        key: `layer_${layer}_comp_block_output_unit_pos_nunit_1#0`,
        representation: { ...representation, layer, group_key: group },
        type: 'ZeroIntervention',
        dimension: null,
        parameters: {},
      })),
    },
    'has the group 0 after 1',
  ],
  [
    'a group on one of two',
    pair({ representation: { ...representation, layer: 1 } }),
    'has the group null after 0. pyvene loads groups only where every intervention has one',
  ],
])('%s is not written, with a sentence that says why', (_, folder, words) => {
  expect(() => writePyveneFolder(folder)).toThrow(CheckpointError);
  expect(() => writePyveneFolder(folder)).toThrow(words);
});

const python = process.env.PATCHBAY_PYTHON;

function runScript(action: 'save' | 'load', folder: string): unknown {
  const report = join(folder, '..', 'report.json');
  const script = fileURLToPath(new URL('../expected/make_pyvene.py', import.meta.url));
  execFileSync(python ?? '', [script, action, folder, report], { stdio: ['ignore', 'ignore', 'pipe'] });
  return JSON.parse(readFileSync(report, 'utf8'));
}

test.skipIf(python === undefined)(
  'pyvene loads and runs what is written, with the same numbers (needs PATCHBAY_PYTHON, a Python with torch and pyvene)',
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'patchbay-pyvene-'));
    try {
      const saved = join(root, 'saved');
      const again = join(root, 'again');
      const all: Record<string, PyveneFolder> = { ...written };
      const reported = v.parse(v.record(v.string(), folderSchema), runScript('save', saved));
      for (const [name, report] of Object.entries(reported)) {
        const files = readdirSync(join(saved, name));
        const folder = await readPyveneFolder({
          label: name,
          names: () => files,
          read: async (file) => new Uint8Array(readFileSync(join(saved, name, file))),
        });
        expectSame(folder, report);
        all[`saved-${name}`] = folder;
      }
      for (const [name, folder] of Object.entries(all)) {
        mkdirSync(join(again, name), { recursive: true });
        for (const [file, bytes] of writePyveneFolder(folder)) writeFileSync(join(again, name, file), bytes);
      }
      const loaded = v.parse(
        v.record(v.string(), v.record(v.string(), v.unknown())),
        runScript('load', again),
      );
      for (const [name, folder] of Object.entries(all)) {
        expect([name, loaded[name]?.error, loaded[name]?.runs]).toEqual([name, undefined, true]);
        expectSame(folder, v.parse(folderSchema, loaded[name]));
      }
    } finally {
      rmSync(root, { recursive: true });
    }
  },
);
