import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { decodeModel, encodeModel } from './codec.ts';
import { columnsOfNonZero, scan, splitBySizes } from './dynamic.ts';
import { add, cast, mul } from './elementwise.ts';
import { type Graph, graph } from './graph.ts';
import { constant, input, ShapeError } from './value.ts';

async function run(built: Graph, inputs: Readonly<Record<string, Tensor>>) {
  const session = await InferenceSession.create(encodeModel(built), { logSeverityLevel: 3 });
  const outputs = await session.run(inputs);
  await session.release();
  return outputs;
}

const x = input('x', 'float32', ['rows', 'steps', 2]);
const start = input('start', 'float32', ['rows', 2]);

/** h = 2h + x, and what is said at each step is h + 1. */
const loop = () =>
  scan({
    initial: [start],
    sequences: [x],
    axis: 1,
    step: ([h = start], [entry = start]) => {
      const next = add(mul(h, constant(2)), entry);
      return { states: [next], outputs: [add(next, constant(1))] };
    },
  });

test('a loop carries its state from step to step', async () => {
  const [said = x] = loop();
  expect(said.shape).toEqual(['rows', 'steps', 2]);
  const { out } = await run(graph({ out: said }), {
    x: new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [1, 3, 2]),
    start: new Tensor('float32', Float32Array.of(10, 20), [1, 2]),
  });
  // 21, 45, 95 and 42, 88, 182, each with 1 more.
  expect([...((out?.data as Float32Array) ?? [])]).toEqual([22, 43, 46, 89, 96, 183]); // A float32 tensor's.
});

test('a graph with a loop is read back as it was written', () => {
  const bytes = encodeModel(graph({ out: loop()[0] ?? x }));
  expect(encodeModel(decodeModel(bytes))).toEqual(bytes);
});

test('a loop refuses states that change their shape, and sequences of two lengths', () => {
  const grown = { initial: [start], sequences: [x], axis: 1 };
  expect(() => scan({ ...grown, step: () => ({ states: [constant(1)], outputs: [] }) })).toThrow(ShapeError);
  const other = input('y', 'float32', ['rows', 'others', 2]);
  expect(() =>
    scan({ ...grown, sequences: [x, other], step: (states) => ({ states, outputs: [] }) }),
  ).toThrow('Scan: float32 [rows, others, 2] is not as long as float32 [rows, steps, 2]');
});

test('what is not zero is counted, and a value is cut into parts of computed sizes, empty ones too', async () => {
  const marks = input('marks', 'float32', [2, 3]);
  const sizes = input('sizes', 'float32', [3]);
  const [a, b, c] = splitBySizes(input('y', 'float32', ['all']), 0, sizes, ['a', 'b', 'c']);
  const columns = cast(columnsOfNonZero(marks, 'found'), 'int32');
  const outputs = await run(graph({ columns, a: a ?? x, b: b ?? x, c: c ?? x }), {
    marks: new Tensor('float32', Float32Array.of(0, 1, 1, 1, 0, 0), [2, 3]),
    sizes: new Tensor('float32', Float32Array.of(1, 0, 3), [3]),
    y: new Tensor('float32', Float32Array.of(7, 8, 9, 10), [4]),
  });
  const numbers = (name: string) => Array.from(outputs[name]?.data as ArrayLike<number>); // Of numbers all four.
  expect(numbers('columns')).toEqual([1, 2, 0]);
  expect([numbers('a'), numbers('b'), numbers('c')]).toEqual([[7], [], [8, 9, 10]]);
});
