import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { decodeModel, encodeModel, OnnxFormatError } from './codec.ts';
import { gemm, matMul } from './contraction.ts';
import { broadcastShapes, divideDimensions, multiplyDimensions } from './dimension.ts';
import { add, gelu, lessOrEqual, mul, where } from './elementwise.ts';
import { graph } from './graph.ts';
import { concat, gather, reshape, slice, split, squeeze, transpose, unsqueeze } from './layout.ts';
import { layerNormalization, reduceMean, reduceSum, rmsNormalization, softmax, topK } from './reduction.ts';
import { constant, input, int32, ShapeError } from './value.ts';

const x = input('x', 'float32', ['rows', 'positions', 12]);

describe('dimensions', () => {
  test('equal products are equal, whatever the order of their factors', () => {
    expect(multiplyDimensions('rows', 4, 'queries')).toBe(multiplyDimensions('queries', 'rows', 2, 2));
    expect(multiplyDimensions(3, 4)).toBe(12);
    expect(multiplyDimensions('rows')).toBe('rows');
  });

  test('division cancels factors and refuses what does not divide', () => {
    expect(divideDimensions('12*rows', 4)).toBe('3*rows');
    expect(divideDimensions('queries*rows', 'rows')).toBe('queries');
    expect(divideDimensions('rows', 2)).toBeUndefined();
    expect(divideDimensions(12, 'rows')).toBeUndefined();
  });

  test('different names do not broadcast', () => {
    expect(broadcastShapes('Add', ['rows', 1], [7])).toEqual(['rows', 7]);
    expect(() => broadcastShapes('Add', ['rows'], ['queries'])).toThrow(
      'Add: [rows] and [queries] do not broadcast (rows against queries)',
    );
  });
});

describe('operators refuse what does not fit and name themselves', () => {
  test.each([
    ['Add', () => add(x, input('y', 'float32', [5])), 'Add: [rows, positions, 12] and [5] do not broadcast'],
    ['Add of dtypes', () => add(x, int32(1)), 'Add: dtypes differ'],
    [
      'MatMul',
      () => matMul(x, constant(new Float32Array(6), [2, 3])),
      'MatMul: float32 [rows, positions, 12] and float32 [2, 3] do not chain',
    ],
    [
      'Gemm bias',
      () =>
        gemm(constant(new Float32Array(6), [2, 3]), constant(new Float32Array(6), [3, 2]), {
          bias: constant(1),
        }),
      'Gemm: bias',
    ],
    [
      'Reshape',
      () => reshape(x, ['rows', 'positions', 5]),
      'Reshape: float32 [rows, positions, 12] to [rows, positions, 5]: sizes differ',
    ],
    ['Reshape of two names', () => reshape(x, [12, 'rows', 'positions']), 'more than one named size moves'],
    ['Transpose', () => transpose(x, [0, 0, 1]), 'Transpose: [0, 0, 1] is not a permutation'],
    ['Slice', () => slice(x, 2, 3, 14), 'Slice: 3 to 14 does not lie in axis 2'],
    ['Slice of a named size', () => slice(x, 0, 0, 1), 'Slice: axis 0'],
    ['Concat', () => concat([x, input('y', 'float32', [3])], 0), 'Concat: float32 [3] does not fit'],
    ['Gather', () => gather(x, constant(0), 0), 'Gather: expected int32'],
    ['Squeeze', () => squeeze(x, [2]), 'Squeeze: axes [2]'],
    ['Split', () => split(x, 2, 5), 'Split: axis 2'],
    ['Softmax axis', () => softmax(x, 3), 'Softmax: axis 3 is out of range'],
    ['LayerNormalization', () => layerNormalization(x, constant(1), undefined, 1e-5), 'LayerNormalization'],
    ['RMSNormalization', () => rmsNormalization(x, constant(1), 1e-5), 'RMSNormalization'],
    ['Where', () => where(x, x, x), 'Where: expected bool'],
    ['constant', () => constant(new Float32Array(3), [2]), 'constant: 3 elements do not fill shape [2]'],
    ['TopK', () => topK(x, 13), 'TopK: cannot take 13 of 12'],
  ])('%s', (_, build, message) => {
    expect(build).toThrow(ShapeError);
    expect(build).toThrow(message);
  });
});

describe('graphs', () => {
  test('hold only what their outputs need', () => {
    const unused = input('unused', 'float32', ['rows', 'positions', 12]);
    add(x, unused);
    const built = graph({ y: mul(x, x) });
    expect([...built.inputs.keys()]).toEqual(['x']);
    expect(built.operations.map((operation) => operation.op)).toEqual(['Mul']);
  });

  test('give an output that is an input a node of its own', () => {
    expect(graph({ y: x }).operations.map((operation) => operation.op)).toEqual(['Identity']);
    const y = mul(x, x);
    expect(graph({ y, z: y }).operations.map((operation) => operation.op)).toEqual(['Mul', 'Identity']);
  });

  test('refuse two inputs of one name', () => {
    expect(() => graph({ y: add(x, input('x', 'float32', [12])) })).toThrow("two inputs are named 'x'");
  });
});

const everything = () => {
  const heads = transpose(reshape(x, ['rows', 'positions', 3, 4]), [0, 2, 1, 3]);
  const scores = softmax(matMul(heads, transpose(heads, [0, 1, 3, 2])));
  const flat = reshape(x, ['positions*rows', 12]);
  const index = input('index', 'int32', ['units']);
  const picked = where(unsqueeze(lessOrEqual(index, int32(100)), [1]), gather(flat, index, 0), constant(0));
  return { scores, picked, total: reduceSum(gelu(x, 'tanh'), { axes: [2], keepDimensions: false }) };
};

describe('the codec', () => {
  test('decodes what it encoded, with dtypes, shapes and names', () => {
    const index = input('index', 'int32', ['units']);
    const built = graph({
      a: gather(x, index, 0),
      b: unsqueeze(layerNormalization(x, input('w', 'float32', [12]), undefined, 1e-5), [0]),
    });
    const bytes = encodeModel(built);
    const decoded = decodeModel(bytes);
    expect(encodeModel(decoded)).toEqual(bytes);
    expect(decoded.outputs.get('a')?.shape).toEqual(['units', 'positions', 12]);
    expect(decoded.inputs.get('index')?.dtype).toBe('int32');
  });

  test('refuses bytes that are not a model with one sentence', () => {
    expect(() => decodeModel(Uint8Array.of(255, 255, 255))).toThrow(OnnxFormatError);
    const bytes = encodeModel(graph({ y: mul(x, x) }));
    for (let length = 1; length < bytes.length; length += 7) {
      try {
        decodeModel(bytes.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(OnnxFormatError);
      }
    }
  });

  test('writes models that the runtime loads, and they compute what they say', async () => {
    const { scores, picked, total } = everything();
    const session = await InferenceSession.create(
      encodeModel(graph({ scores, picked, total, mean: reduceMean(x) })),
    );
    const data = Float32Array.from({ length: 2 * 5 * 12 }, (_, i) => Math.sin(i));
    const out = await session.run({
      x: new Tensor('float32', data, [2, 5, 12]),
      index: new Tensor('int32', Int32Array.of(9, 0), [2]),
    });
    expect(out.scores?.dims).toEqual([2, 3, 5, 5]);
    expect(out.picked?.data).toEqual(Float32Array.from([...data.slice(108, 120), ...data.slice(0, 12)]));
    const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
    expect(Number(out.mean?.data[0])).toBeCloseTo(sum(data) / data.length, 6);
    // Each row of attention sums to one: 2 sequences, 3 heads, 5 queries.
    expect(sum(out.scores?.data as Float32Array)).toBeCloseTo(30, 4);
  });
});
