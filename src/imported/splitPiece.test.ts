import { afterAll, beforeAll, expect, test } from 'vitest';
import { memorySource } from '../checkpoint/sources/byteSource.ts';
import { standardNormal } from '../random/noise.ts';
import { externalModel, layersOfProducts, partName } from './fixtures/externalOnnx.ts';
import { residualBytes } from './fixtures/smallOnnx.ts';
import { ImportedModel } from './importedModel.ts';
import { createNodeRuntime } from './nodeRuntime.ts';
import type { PlanRow } from './plan.ts';
import type { OnnxRuntime } from './runtime.ts';
import { nodesByWeight } from './splitPiece.ts';
import { tensorFrom } from './tensor.ts';

let runtime: OnnxRuntime;

beforeAll(async () => {
  runtime = await createNodeRuntime(1);
});

afterAll(() => runtime.close());

const width = 64;
const matrixBytes = 4 * width * width;
const products = layersOfProducts(5);
const bytes = externalModel({ products, width, activation: 'Tanh', offset: 0 });
const drawn = Float32Array.from(standardNormal(3, 5 * width * width), (number) => number / 8);

/** The runtime with a limit, which notes the bytes of weights that a graph is given at most. */
function limited(mostWeightBytes: number): OnnxRuntime & { most: number } {
  const watched = {
    kind: runtime.kind,
    description: runtime.description,
    mostWeightBytes,
    most: 0,
    get liveSessions() {
      return runtime.liveSessions;
    },
    async open(...asked: Parameters<OnnxRuntime['open']>) {
      const large = Object.values(asked[2] ?? {}).map(({ data }) => data.byteLength);
      watched.most = Math.max(
        watched.most,
        large.reduce((sum, bytes) => sum + bytes, 0),
      );
      return runtime.open(...asked);
    },
    close: async () => {},
  };
  return watched;
}

const open = (of: OnnxRuntime): Promise<ImportedModel> =>
  ImportedModel.open(memorySource('products.onnx', bytes), of, {
    openPart: async (name) =>
      name === partName ? memorySource(name, new Uint8Array(drawn.buffer)) : undefined,
  });

test('a file is opened and run with the weights of two products at a time, and has the same numbers', async () => {
  const small = limited(2 * matrixBytes);
  const large = limited(Number.POSITIVE_INFINITY);
  const [inParts, whole] = [await open(small), await open(large)];
  expect(large.most).toBe(5 * matrixBytes);
  expect(small.most).toBe(2 * matrixBytes);
  expect([...inParts.probe.tensors]).toEqual([...whole.probe.tensors]);
  expect(inParts.probe.rowsAreIndependent).toBe(true);
  const x = tensorFrom('float32', [1, width], (at) => Math.sin(at));
  const middle = products[2]?.output ?? '';
  const output = products[4]?.output ?? '';
  const rows: readonly PlanRow[] = [
    { inputs: { x }, edits: [], reads: [middle, output] },
    {
      inputs: { x },
      edits: [{ tensor: products[2]?.product ?? '', value: { kind: 'number', value: 0.5 } }],
      reads: [output],
    },
  ];
  expect(await inParts.run(rows)).toEqual(await whole.run(rows));
  expect(small.most).toBe(2 * matrixBytes);
  await inParts.dispose();
  await whole.dispose();
  expect(runtime.liveSessions).toBe(0);
});

test('a stage with several products is run in parts as well', async () => {
  // Of one weight at a time: the stages of this model have two each.
  const parts = limited(1);
  const [inParts, whole] = await Promise.all(
    [parts, runtime].map((of) => ImportedModel.open(memorySource('residual.onnx', residualBytes()), of)),
  );
  const x = tensorFrom('float32', [1, 2], (at) => at + 1);
  const rows = [{ inputs: { x }, edits: [], reads: ['y'] }];
  expect(await inParts?.run(rows)).toEqual(await whole?.run(rows));
  await inParts?.dispose();
  await whole?.dispose();
  expect(runtime.liveSessions).toBe(0);
});

test('nodes are taken together up to the bytes of their weights, and a node with more stands alone', () => {
  const weight = (size: number) =>
    ({ dtype: 'float32', shape: [size], place: { kind: 'memory', bytes: new Uint8Array() } }) as const;
  const weights = new Map([
    ['a', weight(1)],
    ['b', weight(1)],
    ['c', weight(9)],
  ]);
  const node = (name: string, ...inputs: string[]) => ({
    ...{ op: 'Add', domain: '', name, inputs, outputs: [name], scopes: [] },
    attributes: new Map(),
  });
  const nodes = [
    node('1', 'x', 'a'),
    node('2', '1', 'a'),
    node('3', '2', 'b'),
    node('4', '3', 'c'),
    node('5', '4'),
  ];
  const runs = nodesByWeight({ weights }, nodes, 8).map((run) => run.map(({ name }) => name).join(' '));
  expect(runs).toEqual(['1 2 3', '4 5']);
  const alone = nodesByWeight({ weights }, nodes, 4).map((run) => run.map(({ name }) => name).join(' '));
  expect(alone).toEqual(['1 2', '3', '4 5']);
});
