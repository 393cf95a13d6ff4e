// npx tsx bench/align/equality.ts [--seed 1]
// Hierarchical equality, as in pyvene's DAS_Main_Introduction: a small MLP learns whether two pairs of vectors are alike in
// being equal, then a rotation of its first layer is sought in which half the directions hold whether the first pair is
// equal, the other half whether the second is. Everything here: the MLP is a graph, its gradient another, both trained by
// the same trainer. Fails below a test accuracy of 1.00 (rounded) and a test IIA of 0.97, what that notebook reaches.

import { parseArgs } from 'node:util';
import { gradients } from '../../src/autodiff/gradients.ts';
import { orthonormalGap } from '../../src/autodiff/orthonormal.ts';
import { rateFactor } from '../../src/autodiff/schedules.ts';
import { causalModel, runForward, runInterchange } from '../../src/experiments/align/causalModel.ts';
import { randomOrthonormal } from '../../src/interventions/types/orthonormal.ts';
import { matMul } from '../../src/onnx/contraction.ts';
import { add, mul, relu, sub } from '../../src/onnx/elementwise.ts';
import { type Graph, graph } from '../../src/onnx/graph.ts';
import { gatherElements, transpose } from '../../src/onnx/layout.ts';
import { reduceLogSumExp, reduceMean } from '../../src/onnx/reduction.ts';
import { constant, input, type Value } from '../../src/onnx/value.ts';
import { standardNormal, uniformStream } from '../../src/random/noise.ts';
import type { Backend, DeviceTensor } from '../../src/runtime/backends/backend.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import type { TrainedParameter } from '../../src/runtime/training/stepGraph.ts';
import { Trainer } from '../../src/runtime/training/trainer.ts';
import { describeMachine } from '../machine.ts';

const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' } } });
const seed = Number(values.seed);
const random = uniformStream(seed);
const [size, width, layers, batch] = [4, 16, 3, 1024];

const same = (a?: number | boolean, b?: number | boolean) => a === b;
/** Values of the inputs are the vectors' numbers; any two are different. */
const equality = causalModel<number | boolean>({
  values: { W: [0], X: [0], Y: [0], Z: [0], WX: [false, true], YZ: [false, true], O: [false, true] },
  parents: { W: [], X: [], Y: [], Z: [], WX: ['W', 'X'], YZ: ['Y', 'Z'], O: ['WX', 'YZ'] },
  functions: { W: () => 0, X: () => 0, Y: () => 0, Z: () => 0, WX: same, YZ: same, O: same },
});

interface Sample {
  readonly setting: Readonly<Record<string, number>>;
  /** [16]: the vectors of W, X, Y and Z. */
  readonly vector: Float32Array;
}

/** Fresh vectors from -1 to 1; either pair is equal half of the time. */
function sample(): Sample {
  const vectors = Array.from({ length: 4 }, () =>
    Float32Array.from({ length: size }, () => 2 * random() - 1),
  );
  const [w, x, y, z] = [0, random() < 0.5 ? 0 : 1, 2, random() < 0.5 ? 2 : 3];
  const vector = new Float32Array(width);
  [w, x, y, z].forEach((id, place) => {
    vector.set(vectors[id] ?? [], place * size);
  });
  return { setting: { W: w, X: x, Y: y, Z: z }, vector };
}

/** One value for each name: a graph has each of its inputs once. */
const named = new Map<string, Value>();
function once(name: string, make: () => Value): Value {
  const found = named.get(name) ?? make();
  named.set(name, found);
  return found;
}
const shapes: Readonly<Record<string, readonly number[]>> = Object.fromEntries(
  Array.from({ length: layers + 1 }, (_, layer) => {
    const outputs = layer < layers ? width : 2;
    return [
      [`weight${layer}`, [width, outputs]],
      [`bias${layer}`, [outputs]],
    ];
  }).flat(),
);
const parameter = (name: string) => once(name, () => input(name, 'float32', shapes[name] ?? [width, width]));
const rows = (name: string) => once(name, () => input(name, 'float32', ['rows', width]));
const labels = once('labels', () => input('labels', 'int32', ['rows', 1]));
const dense = (x: Value, layer: number): Value =>
  add(matMul(x, parameter(`weight${layer}`)), parameter(`bias${layer}`));
const first = (x: Value): Value => relu(dense(x, 0));
function rest(x: Value): Value {
  let y = x;
  for (let layer = 1; layer < layers; layer++) y = relu(dense(y, layer));
  return dense(y, layers);
}

/** What is trained: a mean cross-entropy, and its gradients. */
function training(logits: Value, wanted: readonly string[]): Graph {
  const each = sub(reduceLogSumExp(logits, { axes: [1] }), gatherElements(logits, labels, 1));
  const loss = reduceMean(each, { axes: [0, 1], keepDimensions: false });
  const found = gradients([{ value: loss, gradient: constant(1) }], wanted.map(parameter));
  const outputs: Record<string, Value> = { loss };
  wanted.forEach((name, at) => {
    const gradient = found[at];
    if (gradient) outputs[`gradient.${name}`] = gradient;
  });
  return graph(outputs);
}

/** The first layer in the rotated basis: the first half of the directions from one source, the second from another. */
function interchanged(): Value {
  const rotation = parameter('rotation');
  const [base, one, other] = ['base', 'one', 'other'].map((name) => matMul(first(rows(name)), rotation));
  if (!base || !one || !other) throw new Error('There are three runs.');
  const taken = (source: Value, mask: string) => mul(sub(source, base), rows(mask));
  const mixed = add(base, add(taken(one, 'mask.one'), taken(other, 'mask.other')));
  return rest(matMul(mixed, transpose(rotation, [1, 0])));
}

interface Batch {
  readonly tensors: Readonly<Record<string, Float32Array>>;
  readonly labels: readonly boolean[];
}

function factual(): Batch {
  const samples = Array.from({ length: batch }, sample);
  return {
    tensors: { base: Float32Array.from(samples.flatMap(({ vector }) => [...vector])) },
    labels: samples.map(({ setting }) => runForward(equality, setting).O === true),
  };
}

/** Interchanges of the first pair, of the second, or of both: a third of the rows each. */
function counterfactual(): Batch {
  const runs = Array.from({ length: batch }, () => ({ base: sample(), one: sample(), other: sample() }));
  const flat = (name: 'base' | 'one' | 'other') =>
    Float32Array.from(runs.flatMap((run) => [...run[name].vector]));
  const kindOf = (row: number) => ['one', 'other', 'both'][row % 3] ?? '';
  const mask = (name: 'one' | 'other') =>
    Float32Array.from({ length: batch * width }, (_, at) => {
      const isHalf = at % width < width / 2 === (name === 'one');
      return isHalf && [name, 'both'].includes(kindOf(Math.floor(at / width))) ? 1 : 0;
    });
  return {
    tensors: {
      base: flat('base'),
      one: flat('one'),
      other: flat('other'),
      'mask.one': mask('one'),
      'mask.other': mask('other'),
    },
    labels: runs.map(({ base, one, other }, row) => {
      const sources = {
        ...(kindOf(row) === 'other' ? {} : { WX: one.setting }),
        ...(kindOf(row) === 'one' ? {} : { YZ: other.setting }),
      };
      return runInterchange(equality, base.setting, sources).O === true;
    }),
  };
}

type Given = Readonly<Record<string, DeviceTensor>>;

function upload(backend: Backend, tensors: Batch['tensors']): Given {
  const all = Object.entries(tensors).map(
    ([name, data]) => [name, backend.upload(data, [batch, width])] as const,
  );
  return Object.fromEntries(all);
}

const release = (backend: Backend, given: Given): void => {
  for (const tensor of Object.values(given)) backend.dispose(tensor);
};

interface Course {
  readonly steps: number;
  readonly rate: number;
  readonly draw: () => Batch;
  readonly frozen: Given;
}

/** Steps of Adam, the rate in a straight line to 0. @returns the trained numbers */
async function train(
  backend: Backend,
  logits: Value,
  trained: Readonly<Record<string, TrainedParameter>>,
  { steps, rate, draw, frozen }: Course,
): Promise<Given> {
  const names = Object.keys(trained);
  const program = await backend.compile(training(logits, names));
  const trainer = await Trainer.create(backend, trained, { kind: 'adam' });
  for (let step = 0; step < steps; step++) {
    const drawn = draw();
    const right = backend.upload(Int32Array.from(drawn.labels, Number), [batch, 1]);
    const given = { ...upload(backend, drawn.tensors), labels: right };
    const own = Object.fromEntries(
      Object.entries(trainer.parameters).flatMap(([name, found]) =>
        'tensor' in found ? [[name, found.tensor]] : [],
      ),
    );
    const outputs = await program.run({ ...frozen, ...own, ...given });
    const found = names.flatMap((name) => {
      const gradient = outputs[`gradient.${name}`];
      return gradient ? [[name, gradient] as const] : [];
    });
    await trainer.step(Object.fromEntries(found), rate * rateFactor({ kind: 'linear', steps }, step));
    if (step % 500 === 0 && outputs.loss)
      console.log(`  step ${step}: loss ${(await backend.read(outputs.loss))[0]?.toFixed(4)}`);
    release(backend, given);
    release(backend, outputs);
  }
  const read = await trainer.read();
  await trainer.dispose();
  await program.dispose();
  return Object.fromEntries(
    Object.entries(read).map(([name, { data, shape }]) => [
      name,
      backend.upload(Float32Array.from(data), shape),
    ]),
  );
}

/** The share of fresh examples whose larger logit is the right one. */
async function accuracy(backend: Backend, logits: Value, frozen: Given, draw: () => Batch): Promise<number> {
  const program = await backend.compile(graph({ logits }));
  let right = 0;
  const batches = 10;
  for (let at = 0; at < batches; at++) {
    const drawn = draw();
    const given = upload(backend, drawn.tensors);
    const outputs = await program.run({ ...frozen, ...given });
    const found = outputs.logits ? await backend.read(outputs.logits) : new Float32Array();
    right += drawn.labels.filter(
      (label, row) => (found[2 * row + 1] ?? 0) > (found[2 * row] ?? 0) === label,
    ).length;
    release(backend, given);
    release(backend, outputs);
  }
  await program.dispose();
  return right / (batches * batch);
}

const backend = createNodeBackend(1);
const started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
const mlp = Object.fromEntries(
  Object.entries(shapes).map(([name, shape], at) => {
    const count = shape.reduce((product, x) => product * x, 1);
    const scale = shape.length === 2 ? Math.sqrt(2 / width) : 0;
    return [
      name,
      { shape, data: Float32Array.from(standardNormal(seed * 100 + at, count), (x) => scale * x) },
    ];
  }),
);
console.log(`${describeMachine()}; seed ${seed}`);
const plain = rest(first(rows('base')));
const weights = await train(backend, plain, mlp, { steps: 3000, rate: 3e-3, draw: factual, frozen: {} });
const own = await accuracy(backend, plain, weights, factual);
console.log(`MLP: test accuracy ${own.toFixed(4)} of fresh vectors, after ${seconds()} s`);
const start = { data: randomOrthonormal(width, width, seed), shape: [width, width], isOrthonormal: true };
const edited = interchanged();
const untrained = { ...weights, rotation: backend.upload(Float32Array.from(start.data), start.shape) };
const control = await accuracy(backend, edited, untrained, counterfactual);
const rotation = await train(
  backend,
  edited,
  { rotation: start },
  {
    steps: 1000,
    rate: 1e-2,
    draw: counterfactual,
    frozen: weights,
  },
);
const aligned = await accuracy(backend, edited, { ...weights, ...rotation }, counterfactual);
const matrix = rotation.rotation ? await backend.read(rotation.rotation) : [];
console.log(
  `DAS: test IIA ${aligned.toFixed(4)}, untrained ${control.toFixed(4)}, off orthonormal by ${orthonormalGap(matrix, width, width).toPrecision(2)}, after ${seconds()} s`,
);
await backend.close();
if (own < 0.995 || aligned < 0.97) throw new Error('This is less than pyvene reaches.');
