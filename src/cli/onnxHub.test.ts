// Files of a repository on an imitated Hub, from the command line: by their path, with the weights and what else lies there.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FileServer, serveHub } from '../checkpoint/expected/fileServer.ts';
import { jsonBytes } from '../checkpoint/expected/smallFiles.ts';
import { readBeside } from '../imported/besideFile.ts';
import { externalFiles, partName } from '../imported/fixtures/externalOnnx.ts';
import { floats } from '../imported/fixtures/smallOnnx.ts';
import type { OnnxRuntime } from '../imported/runtime.ts';
import { createOnnxRuntime, onnxPlace, openOnnx } from './onnxModel.ts';

let hub: FileServer;
let runtime: OnnxRuntime;

beforeAll(async () => {
  const { model, part } = externalFiles();
  const files = {
    'onnx/model.onnx': model,
    [`onnx/${partName}`]: part,
    'onnx/half.onnx': model.slice(0, model.length - 30),
    'config.json': jsonBytes({ id2label: { 0: 'cat', 1: 'dog' } }),
  };
  const alone = { 'model.onnx': model };
  hub = await serveHub({
    repositories: { 'lab/net': files, 'lab/alone': alone },
    revisions: ['main', 'v1'],
  });
  runtime = await createOnnxRuntime('node', { threads: 1 });
});

afterAll(async () => {
  await runtime.close();
  await hub[Symbol.asyncDispose]();
});

test.each(['lab/net:onnx/model.onnx', 'lab/net@v1:onnx/model.onnx'])(
  '%s opens with the weights beside it',
  async (spec) => {
    const model = await openOnnx(spec, runtime, {}, { hubUrl: hub.url });
    try {
      const rows = [{ inputs: { x: floats([1, 2], [1, -1]) }, edits: [], reads: ['h', 'y'] }];
      const [read] = await model.run(rows);
      expect([...(read?.h?.data ?? [])]).toEqual([-2, -2]);
      expect([...(read?.y?.data ?? [])]).toEqual([0, 0]);
    } finally {
      await model.dispose();
    }
  },
);

test('what goes with a file in the folder onnx is read from above it', async () => {
  const { companions } = onnxPlace('lab/net:onnx/model.onnx', { hubUrl: hub.url });
  expect(await readBeside(companions)).toEqual({ labels: ['cat', 'dog'] });
});

test('a file, a part or a repository that is not there is refused with a sentence', async () => {
  const open = (spec: string) => openOnnx(spec, runtime, {}, { hubUrl: hub.url });
  await expect(open('lab/net:onnx/other.onnx')).rejects.toThrow(
    "'onnx/other.onnx' does not exist in lab/net@main.",
  );
  await expect(open('lab/alone:model.onnx')).rejects.toThrow(
    `The weights are in '${partName}' (0.0 MB), which is not here.`,
  );
  await expect(open('lab/none:model.onnx')).rejects.toThrow("'lab/none' does not exist on the hub");
  await expect(open('lab/net@v9:onnx/model.onnx')).rejects.toThrow("has no revision 'v9' on the hub");
  await expect(open('lab/net:onnx/half.onnx')).rejects.toThrow(/is not an ONNX file/);
});
