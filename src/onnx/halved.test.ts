import { describe, expect, test } from 'vitest';
import { decodeModel, encodeModel } from './codec.ts';
import { gemm, matMul } from './contraction.ts';
import { add, exp, mul, sigmoid, where } from './elementwise.ts';
import { type Graph, graph } from './graph.ts';
import { halved, multipliedInputs } from './halved.ts';
import { concat, gather, reshape, slice, transpose } from './layout.ts';
import { rmsNormalization, softmax } from './reduction.ts';
import { constant, input, type Value } from './value.ts';

const isWeight = (name: string) => name.startsWith('weight.');
const weight = (name: string, ...shape: number[]) => input(`weight.${name}`, 'float32', shape);

/** `Gemm float16 float16 -> float16`, for each operator in order. */
const lines = ({ operations }: Graph): readonly string[] =>
  operations.map(({ op, inputs, outputs }) => {
    const numbers = inputs.filter(({ dtype }) => dtype.startsWith('float'));
    return `${[op, ...numbers.map(({ dtype }) => dtype)].join(' ')} -> ${outputs[0]?.dtype}`;
  });

/** x + down(sigmoid(gate(norm x)) * up(norm x)) */
function mlp(): Graph {
  const x = input('hidden', 'float32', ['tokens', 8]);
  const m = rmsNormalization(x, weight('norm', 8), 1e-5);
  const gate = gemm(m, weight('gate', 12, 8), { transposeB: true, bias: weight('gate.bias', 12) });
  const up = gemm(m, weight('up', 12, 8), { transposeB: true });
  return graph({ out: add(x, gemm(mul(sigmoid(gate), up), weight('down', 8, 12), { transposeB: true })) });
}

test('weights that are multiplied by, with their biases, can be float16, and a norm\u2019s cannot', () => {
  expect([...multipliedInputs(mlp(), isWeight)].sort()).toEqual(
    ['weight.down', 'weight.gate', 'weight.gate.bias', 'weight.up'].sort(),
  );
});

test('a weight that is cut, turned or joined before it is multiplied by is one, and one that is added elsewhere too is none', () => {
  const x = input('hidden', 'float32', ['tokens', 4]);
  const [a, b, c] = [weight('a', 4, 4), weight('b', 8, 4), weight('c', 4, 4)];
  const joined = transpose(concat([a, slice(b, 0, 0, 4)], 0), [1, 0]);
  const y = add(matMul(x, joined), constant(1));
  const z = add(matMul(x, c), reshape(slice(c, 0, 0, 1), [4]));
  expect([...multipliedInputs(graph({ y, z }), isWeight)].sort()).toEqual(['weight.a', 'weight.b']);
});

test('products with weights and what follows them are float16; the norm and the residual stream stay float32, and so do input and output', () => {
  const source = mlp();
  const made = halved(source, multipliedInputs(source, isWeight));
  expect(lines(made)).toEqual([
    'RMSNormalization float32 float32 -> float32',
    'Cast float32 -> float16',
    'Gemm float16 float16 float16 -> float16',
    'Sigmoid float16 -> float16',
    'Gemm float16 float16 -> float16',
    'Mul float16 float16 -> float16',
    'Gemm float16 float16 -> float16',
    'Cast float16 -> float32',
    'Add float32 float32 -> float32',
  ]);
  expect([...made.inputs].map(([name, { dtype }]) => [name, dtype])).toEqual([
    ['hidden', 'float32'],
    ['weight.norm', 'float32'],
    ['weight.gate', 'float16'],
    ['weight.gate.bias', 'float16'],
    ['weight.up', 'float16'],
    ['weight.down', 'float16'],
  ]);
  expect([...made.outputs].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
    ['out', 'float32', ['tokens', 8]],
  ]);
});

test('a product of two activations, softmax and an exponential are float32', () => {
  const x = input('hidden', 'float32', ['tokens', 4]);
  const q = matMul(x, weight('q', 4, 4));
  const source = graph({ y: exp(softmax(matMul(q, input('keys', 'float32', [4, 'keys'])))) });
  const made = halved(source, multipliedInputs(source, isWeight));
  expect(lines(made).slice(-4)).toEqual([
    'Cast float16 -> float32',
    'MatMul float32 float32 -> float32',
    'Softmax float32 -> float32',
    'Exp float32 -> float32',
  ]);
});

describe('constants', () => {
  const product = () => matMul(input('hidden', 'float32', ['tokens', 4]), weight('q', 4, 4));
  const last = (y: Value) => {
    const source = graph({ y });
    return halved(source, multipliedInputs(source, isWeight)).operations.at(-1);
  };

  test('one that float16 can say is written so', () => {
    const made = last(exp(mul(product(), constant(0.125))))?.inputs[0]?.origin;
    const source = made?.kind === 'operation' ? made.operation.inputs[0]?.origin : undefined;
    const scale = source?.kind === 'operation' ? source.operation.inputs[1] : undefined;
    expect(scale?.dtype).toBe('float16');
    expect(scale?.origin).toEqual({ kind: 'constant', data: Uint16Array.of(0x3000) });
  });

  test.each([-3.4028234663852886e38, 1e-9])(
    '%f, which it cannot, keeps its operator in float32',
    (number) => {
      expect(last(mul(product(), constant(number)))?.inputs.map(({ dtype }) => dtype)).toEqual([
        'float32',
        'float32',
      ]);
    },
  );
});

test('where a float16 value meets float32, as the units of an edit do, float32 goes on', () => {
  const x = input('hidden', 'float32', ['tokens', 4]);
  const y = matMul(x, weight('q', 4, 4));
  const edited = gather(
    concat([y, input('pool', 'float32', ['pool', 4])], 0),
    input('select', 'int32', ['tokens']),
    0,
  );
  const source = graph({ y: where(input('mask', 'bool', [1]), edited, constant(0)) });
  expect(lines(halved(source, multipliedInputs(source, isWeight)))).toEqual([
    'Cast float32 -> float16',
    'MatMul float16 float16 -> float16',
    'Cast float16 -> float32',
    'Concat float32 float32 -> float32',
    'Gather float32 -> float32',
    'Where float32 float32 -> float32',
  ]);
});

test('a graph in float16 is the same after it was written to a file', () => {
  const source = mlp();
  const made = halved(source, multipliedInputs(source, isWeight));
  expect(lines(decodeModel(encodeModel(made)))).toEqual(lines(made));
});
