// Products with blocks, and rows taken out of them, against the matrix that they are worked out to.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Blocks, blockProduct, withBlocks } from '../../onnx/blocks.ts';
import { decodeModel, encodeModel } from '../../onnx/codec.ts';
import { gemm } from '../../onnx/contraction.ts';
import { relu } from '../../onnx/elementwise.ts';
import { graph } from '../../onnx/graph.ts';
import { gather, transpose } from '../../onnx/layout.ts';
import { checkedConstant, constant, input, type Value } from '../../onnx/value.ts';
import { seededRandom } from '../fixtures/tinyCheckpoint.ts';
import type { Backend } from './backend.ts';
import { createNodeBackend } from './nodeBackend.ts';
import { createWasmBackendOnNode } from './wasmBackendOnNode.ts';

const [outputs, inputs, group] = [5, 64, 16];
const groups = inputs / group;

/** Random blocks, and the numbers that the formula gives. */
function randomMatrix(parts: 1 | 2, hasMinima: boolean) {
  const random = seededRandom(parts * 2 + (hasMinima ? 1 : 0));
  const codes = Uint8Array.from({ length: (outputs * parts * inputs) / 2 }, () => 128 * (random() + 1));
  const scales = Float32Array.from({ length: outputs * parts * groups }, () => random());
  const minima = Float32Array.from({ length: outputs * groups }, () => (hasMinima ? random() : 0));
  const numbers = new Float32Array(outputs * inputs);
  for (let at = 0; at < numbers.length; at++) {
    const row = Math.floor(at / inputs);
    let sum = minima[Math.floor(at / group)] ?? 0;
    for (let part = 0; part < parts; part++) {
      const place = (row * parts + part) * inputs + (at % inputs);
      const code = ((codes[place >> 1] ?? 0) >> (4 * (place & 1))) & 15;
      sum += (scales[Math.floor(place / group)] ?? 0) * (code - 8);
    }
    numbers[at] = sum;
  }
  const all = [outputs, parts * groups] as const;
  const blocks: Blocks = {
    inputs,
    codes: checkedConstant('uint8', codes, [...all, group / 2]),
    scales: constant(scales, all),
    ...(hasMinima ? { minima: constant(minima, [outputs, groups]) } : {}),
  };
  return { blocks, numbers };
}

const cases = [
  { parts: 1, hasMinima: false },
  { parts: 1, hasMinima: true },
  { parts: 2, hasMinima: true },
] as const;

describe.each([
  ['node', () => createNodeBackend(1)],
  ['wasm', () => createWasmBackendOnNode(1)],
] as const)('on %s', (_, open) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.close());

  async function valuesOf(
    values: Readonly<Record<string, Value>>,
    given: Readonly<Record<string, readonly [Float32Array | Int32Array, readonly number[]]>>,
  ) {
    const program = await backend.compile(graph(values));
    const results = await program.run(
      Object.fromEntries(
        Object.entries(given).map(([name, [data, shape]]) => [name, backend.upload(data, shape)]),
      ),
    );
    const read = await Promise.all(
      Object.entries(results).map(
        async ([name, tensor]) => [name, [...(await backend.read(tensor))]] as const,
      ),
    );
    await program.dispose();
    return Object.fromEntries(read);
  }

  test.each(cases)(
    '$parts codes a number, minima $hasMinima: products and rows are those of the matrix',
    async (of) => {
      const { blocks, numbers } = randomMatrix(of.parts, of.hasMinima);
      const weight = input('weight', 'float32', [outputs, inputs]);
      const x = input('x', 'float32', ['rows', inputs]);
      const bias = constant(Float32Array.of(1, -2, 3, -4, 5), [outputs]);
      const values = {
        plain: gemm(x, weight, { transposeB: true }),
        biased: relu(gemm(x, weight, { transposeB: true, bias })),
        rows: gather(weight, input('indices', 'int32', ['count']), 0),
      };
      const random = seededRandom(9);
      const data = Float32Array.from({ length: 3 * inputs }, () => random());
      const given = {
        x: [data, [3, inputs]],
        indices: [Int32Array.of(4, 0, 4), [3]],
      } as const;
      const expected = await valuesOf(values, { ...given, weight: [numbers, [outputs, inputs]] });
      const replaced = withBlocks(values, new Map([[weight, blocks]]));
      expect(graph(replaced).inputs.has('weight')).toBe(false);
      const found = await valuesOf(replaced, given);
      const largest = Math.max(...(expected.plain ?? []).map(Math.abs));
      expect(largest).toBeGreaterThan(10);
      for (const name of ['plain', 'biased', 'rows'])
        for (const [at, value] of (expected[name] ?? []).entries())
          expect(Math.abs((found[name]?.[at] ?? Number.NaN) - value)).toBeLessThan(2e-6 * largest);
    },
  );
});

test('a weight that is used in another way too stays an input for that', () => {
  const { blocks } = randomMatrix(1, false);
  const weight = input('weight', 'float32', [outputs, inputs]);
  const x = input('x', 'float32', ['rows', inputs]);
  const other = input('y', 'float32', ['rows', outputs]);
  const replaced = withBlocks(
    {
      product: gemm(x, weight, { transposeB: true }),
      back: gemm(other, weight),
      turned: gemm(x, transpose(weight, [1, 0])),
    },
    new Map([[weight, blocks]]),
  );
  const { operations, inputs: names } = graph(replaced);
  expect(operations.map(({ op }) => op)).toEqual(['MatMulNBits', 'Gemm', 'Transpose', 'Gemm']);
  expect([...names.keys()].sort()).toEqual(['weight', 'x', 'y']);
});

test('a graph with blocks is a file that is read back as it was', () => {
  const { blocks } = randomMatrix(2, true);
  const written = encodeModel(graph({ y: blockProduct(input('x', 'float32', ['rows', inputs]), blocks) }));
  expect(encodeModel(decodeModel(written))).toEqual(written);
  expect(() => blockProduct(input('x', 'float32', ['rows', 63]), blocks)).toThrow(
    'MatMulNBits: float32 [rows, 63] has not 64 inputs',
  );
});
