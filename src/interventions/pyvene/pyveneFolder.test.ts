// Folders that pyvene saved against the tensors that it had in memory, and what a folder that is none is refused with.
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { writeTorchFile } from '../../checkpoint/torch/torchFile.ts';
import { floatTensor } from '../../checkpoint/torch/torchTensor.ts';
import { bytesOf, expectSame, filesOf, folders, ones, savedFiles } from '../expected/pyveneFolders.ts';
import { type PyveneFolder, readPyveneFolder, writePyveneFolder } from './pyveneFolder.ts';
import type { PyveneTensor } from './pyveneState.ts';

const readSaved = (name: string): Promise<PyveneFolder> => readPyveneFolder(filesOf(savedFiles(name)));

test.each(Object.entries(folders))(
  '%s: what pyvene saved is read with its own numbers',
  async (name, reported) => {
    const folder = await readSaved(name);
    expectSame(folder, reported);
    expect(folder.interventions.map(({ dimension }) => dimension)).toEqual(
      reported.interventions.map(({ dimension }) => dimension),
    );
  },
);

test.each(Object.keys(folders))(
  '%s: what was read and written again is read the same, bit for bit',
  async (name) => {
    const folder = await readSaved(name);
    const files = writePyveneFolder(folder);
    expect([...files.keys()].sort()).toEqual([...savedFiles(name).keys()].sort());
    expect(await readPyveneFolder(filesOf(files))).toEqual(folder);
  },
);

test('a representation keeps its fields', async () => {
  const { interventions } = await readSaved('trained');
  expect(interventions[1]?.representation).toEqual({
    layer: 1,
    component: 'block_output',
    unit: 'pos',
    max_number_of_units: 1,
    low_rank_dimension: null,
    subspace_partition: [
      [0, 3],
      [3, 8],
    ],
    group_key: null,
    intervention_link_key: null,
    moe_key: null,
    latent_dim: null,
  });
  expect((await readSaved('linked')).interventions[1]?.representation).toMatchObject({
    low_rank_dimension: 2,
    intervention_link_key: 0,
    group_key: 0,
  });
});

const decoder = new TextDecoder();
const withConfig = (
  files: ReadonlyMap<string, Uint8Array>,
  change: (config: Record<string, unknown>) => Record<string, unknown>,
): Map<string, Uint8Array> => {
  const config: Record<string, unknown> = JSON.parse(decoder.decode(files.get('config.json')));
  return new Map(files).set('config.json', new TextEncoder().encode(JSON.stringify(change(config))));
};

test.each(['comp', 'repr'])('files with the dotted names of older versions (%s) are found', async (word) => {
  const files = [...savedFiles('linked')].map(([name, bytes]): [string, Uint8Array] => [
    name.replace(
      /^intkey_layer_(\d)_comp_block_output_unit_pos_nunit_1#/,
      `intkey_layer.$1.${word}.block_output.unit.pos.nunit.1#`,
    ),
    bytes,
  ]);
  expect(files[1]?.[0]).toContain(`layer.0.${word}.`);
  expect(await readPyveneFolder(filesOf(new Map(files)))).toEqual(await readSaved('linked'));
});

test('a file of an intervention without a constant source is left alone, as pyvene leaves it', async () => {
  const files = savedFiles('plain').set(
    'intkey_layer_0_comp_block_output_unit_pos_nunit_1#0.bin',
    bytesOf('AAAA'),
  );
  expect(await readPyveneFolder(filesOf(files))).toEqual(await readSaved('plain'));
});

test('the shortest configuration that pyvene accepts is read', async () => {
  const files = withConfig(
    savedFiles('plain'),
    ({ sorted_keys: _, transformers_version: __, representations, ...rest }) => ({
      ...rest,
      representations: v
        .parse(v.array(v.array(v.unknown())), representations)
        .map((fields, index) =>
          index % 2 === 0 ? { layer: fields[0] || null, component: fields[1] } : fields.slice(0, 3),
        ),
    }),
  );
  expect(await readPyveneFolder(filesOf(files))).toEqual(await readSaved('plain'));
});

/** The message that reading is refused with. */
async function refusal(files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const cause: unknown = await readPyveneFolder(filesOf(files)).then(
    () => new Error('The folder was read.'),
    (reason: unknown) => reason,
  );
  if (cause instanceof CheckpointError) return cause.message;
  throw cause;
}

const withType = (type: string): Map<string, Uint8Array> =>
  withConfig(savedFiles('loreft'), (config) => ({ ...config, intervention_types: [type] }));

test("classes that are not pyvene's are refused, and unknown ones with the known ones", async () => {
  expect(await refusal(withType("<class 'os.system'>"))).toContain(
    "the class 'os.system', which is not one of pyvene's",
  );
  expect(await refusal(withType("<class '__main__.MyIntervention'>"))).toContain("'__main__.MyIntervention'");
  expect(await refusal(withType("<class 'pyvene.models.interventions.__builtins__.eval'>"))).toContain(
    'never imported',
  );
  expect(await refusal(withType("<class 'pyvene.models.interventions.torch'>"))).toContain(
    "unknown type 'torch'. Known: VanillaIntervention, AdditionIntervention",
  );
  expect(await refusal(withType('toString'))).toContain("unknown type 'toString'");
  expect(
    await refusal(withType("<class 'pyvene.models.interventions.PCARotatedSpaceIntervention'>")),
  ).toContain('pyvene saves no components of it');
});

test('a folder whose parts do not belong together is refused', async () => {
  const loreft = savedFiles('loreft');
  const [bin = ''] = [...loreft.keys()].filter((name) => name.endsWith('.bin'));
  expect(await refusal(new Map())).toContain("'a folder' has no 'config.json'");
  expect(await refusal(new Map(loreft).set('config.json', bytesOf('AAAA')))).toContain('is not valid JSON');
  expect(await refusal(withConfig(loreft, (config) => ({ ...config, mode: 'sideways' })))).toContain(
    "'mode'",
  );
  expect(await refusal(withConfig(loreft, (config) => ({ ...config, intervention_types: [] })))).toContain(
    '1 representations, and lists of another length',
  );
  const without = new Map(loreft);
  without.delete(bin);
  expect(await refusal(without)).toContain(`lacks its file '${bin}'`);
  expect(await refusal(new Map(loreft).set(bin, bytesOf('AAAA')))).toContain('has no zip directory');
  expect(await refusal(withType("<class 'pyvene.models.interventions.RotatedSpaceIntervention'>"))).toContain(
    "lacks the tensor 'rotate_layer.parametrizations.weight.original'",
  );
  const state = (extra: Readonly<Record<string, PyveneTensor>>): Uint8Array =>
    writeTorchFile(
      Object.fromEntries(
        Object.entries({ weight: ones(2, 8), bias: ones(2), rotate_layer: ones(8, 2), ...extra }).map(
          ([name, { data, shape }]) => [name, floatTensor(data, shape)],
        ),
      ),
    );
  expect(await refusal(new Map(loreft).set(bin, state({ stray: ones(1) })))).toContain(
    "holds the tensors 'stray'",
  );
  expect(await refusal(new Map(loreft).set(bin, state({ bias: ones(3) })))).toContain(
    "has 'bias' of shape [3], and low_rank_dimension is 2",
  );
  expect(await refusal(new Map(loreft).set(bin, state({ rotate_layer: ones(9, 2) })))).toContain(
    "has 'rotation' of shape [9, 2], and the width is 8",
  );
});
