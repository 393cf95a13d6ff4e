// What is wrong with a file, or with what is asked of it, in a sentence. Some of the files lie beside the repository.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memorySource } from '../checkpoint/sources/byteSource.ts';
import { branchBytes, pairsBytes } from './fixtures/refusedOnnx.ts';
import { floats, onnxBytes } from './fixtures/smallOnnx.ts';
import { plainNode } from './formulaNodes.ts';
import { ImportedModel, type OpenImportedOptions } from './importedModel.ts';
import { createNodeRuntime } from './nodeRuntime.ts';
import type { OnnxNode } from './onnxFile.ts';
import type { OnnxRuntime } from './runtime.ts';
import { tokenInputs } from './tokenInputs.ts';

const references = join(import.meta.dirname, '..', '..', '..', 'shared', 'reference', 'onnx');
const isHere = existsSync(references);

let runtime: OnnxRuntime;
beforeAll(async () => {
  runtime = await createNodeRuntime(1);
});
afterAll(async () => {
  expect(runtime.liveSessions).toBe(0);
  await runtime.close();
});

const fileOf = (folder: string, name = 'model.onnx') =>
  Uint8Array.from(readFileSync(join(references, folder, name)));

const open = (bytes: Uint8Array, options: OpenImportedOptions = {}) =>
  ImportedModel.open(memorySource('model.onnx', bytes), runtime, options);

const x = { name: 'x', dtype: 'float32', shape: ['batch', 2] } as const;

async function withModel(
  bytes: Uint8Array,
  options: OpenImportedOptions,
  use: (model: ImportedModel) => void,
): Promise<void> {
  const model = await open(bytes, options);
  try {
    use(model);
  } finally {
    await model.dispose();
  }
}

test.skipIf(!isHere)('weights in another file are asked for by its name, and must be whole', async () => {
  const bytes = fileOf('external');
  await expect(open(bytes)).rejects.toThrow(
    /The weights are in 'model.onnx_data' \(0\.0 MB\), which is not here. Choose both files together/,
  );
  const half = fileOf('external', 'model.onnx_data').slice(0, 4000);
  await expect(open(bytes, { openPart: async (name) => memorySource(name, half) })).rejects.toThrow(
    /asks for bytes up to \d+ of 'model.onnx_data', which has 4000/,
  );
});

test.skipIf(!isHere).each(['../secret.bin..', '/etc/passwd_key'])(
  'weights at %s are not followed',
  async (place) => {
    const bytes = fileOf('external');
    // The names have as many letters as the one that stands there.
    const [from, to] = ['model.onnx_data', place].map((text) => Buffer.from(text, 'latin1'));
    const changed = Buffer.from(bytes);
    for (let at = changed.indexOf(from ?? ''); at >= 0; at = changed.indexOf(from ?? '', at))
      to?.copy(changed, at);
    await expect(open(changed)).rejects.toThrow(/points outside the folder .* it is not followed/);
  },
);

test('operators of a domain that nobody knows are refused by the domain', async () => {
  const node: OnnxNode = { ...plainNode('Conv', ['x'], 'y'), domain: 'com.microsoft.nchwc' };
  const bytes = onnxBytes([node], { inputs: [x], outputs: ['y'] });
  await expect(open(bytes)).rejects.toThrow(
    /Operator 'Conv' of 'com.microsoft.nchwc' is made by ONNX Runtime for one processor/,
  );
});

test.each([
  [
    'waits for itself',
    [plainNode('Add', ['x', 'b'], 'a'), plainNode('Add', ['a', 'x'], 'b')],
    ['b'],
    /waits for its own result/,
  ],
  [
    'is computed twice',
    [plainNode('Relu', ['x'], 'y'), plainNode('Tanh', ['x'], 'y')],
    ['y'],
    /'y' is computed twice/,
  ],
  [
    'reads what nothing computes',
    [plainNode('Relu', ['z'], 'y')],
    ['y'],
    /reads 'z', which nothing computes/,
  ],
] as const)('a graph in which a node %s is refused', async (_, nodes, outputs, sentence) => {
  await expect(open(onnxBytes(nodes, { inputs: [x], outputs }))).rejects.toThrow(sentence);
});

test('an input of strings is refused by its type', async () => {
  const bytes = onnxBytes([plainNode('Identity', ['x'], 'y')], { inputs: [{ name: 'x' }], outputs: ['y'] });
  await expect(open(bytes)).rejects.toThrow(/Input 'x' holds unknown. Patchbay feeds numbers/);
});

test('an input that is to be fixed must be there', async () => {
  const bytes = onnxBytes([plainNode('Relu', ['x'], 'y')], { inputs: [x], outputs: ['y'] });
  await expect(open(bytes, { fixed: { use_cache: true } })).rejects.toThrow(
    /There is no input 'use_cache' to fix.* Inputs: x/,
  );
});

test('a model that reads no tokens says which inputs it has', async () => {
  const bytes = onnxBytes([plainNode('Relu', ['x'], 'y')], { inputs: [x], outputs: ['y'] });
  await withModel(bytes, {}, (model) => {
    expect(() => tokenInputs(model)).toThrow(/reads no tokens: none of its inputs \(x\) indexes a table/);
  });
});

test.skipIf(!isHere)('a model that reads two sequences says which', async () => {
  await withModel(fileOf('t5'), {}, (model) => {
    expect(() => tokenInputs(model)).toThrow(
      /reads two sequences of tokens \(input_ids, decoder_input_ids\)/,
    );
  });
});

test.skipIf(!isHere)('tensors inside of a Scan are refused by the name of the Scan', async () => {
  await withModel(fileOf('loop'), {}, (model) => {
    expect(() => model.resolve('h_out')).toThrow(
      /'h_out' is computed inside the Scan 'recurrence', once a step. Sites are tensors of the main graph/,
    );
  });
});

test.skipIf(!isHere)('an input that chooses a branch is fixed, and the other branch is gone', async () => {
  await withModel(fileOf('decoder_merged'), {}, (model) => {
    expect(model.graph.fixed).toEqual({ use_cache_branch: false });
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(['input_ids', 'attention_mask']);
    expect(() => model.resolve('with_past//m/transformer/Add_output_0')).toThrow(
      /is computed in the branch of '.*' that is not taken where use_cache_branch is false\. .* --fix use_cache_branch=true/,
    );
  });
});

test('a tensor that disappears with a branch is refused by the branch, and one that bears on nothing by that', async () => {
  const bytes = branchBytes();
  await withModel(bytes, {}, (model) => {
    expect(model.resolve('tanh')).toBe('tanh');
    expect(() => model.resolve('relu')).toThrow(
      "'relu' is computed in the branch of 'choice' that is not taken where chooses is false. Name one that is computed, or open the file otherwise: --fix chooses=true on the command line.",
    );
    expect(() => model.resolve('idle')).toThrow("'idle' bears on no output where chooses is false.");
  });
  await withModel(bytes, { fixed: { chooses: true } }, (model) => {
    expect(() => model.resolve('tanh')).toThrow('where chooses is true. Name one');
  });
});

test('a tensor of thousands of millions of numbers is refused before anything of it is computed', async () => {
  const model = await open(pairsBytes());
  const inputs = { down: floats([1, 40_000, 1], [1]), across: floats([1, 1, 50_000], [1]) };
  const sentence =
    /'pairs' would hold 2,000,000,000 numbers \(8\.0 GB\) with these inputs, \[1, 40000, 50000\]; more than 268,435,456 are not taken out/;
  await expect(model.run([{ inputs, edits: [], reads: ['pairs'] }])).rejects.toThrow(sentence);
  await expect(model.shapesOf(['pairs'], inputs)).rejects.toThrow(sentence);
  const number = { kind: 'number', value: 0 } as const;
  const edits = [{ tensor: 'pairs', value: number }];
  await expect(model.run([{ inputs, edits, reads: ['y'] }])).rejects.toThrow(sentence);
  const short = { down: floats([1, 3, 1], [1, 2, 3]), across: floats([1, 1, 2], [1, 1]) };
  const [read] = await model.run([{ inputs: short, edits: [], reads: ['pairs', 'y'] }]);
  expect([...(read?.pairs?.data ?? [])]).toEqual([1, 1, 2, 2, 3, 3]);
  await model.dispose();
});
