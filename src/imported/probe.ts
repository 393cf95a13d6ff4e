// What only running tells of a file: the type and shape of every tensor, what each axis grows with, whether the rows of a
// batch know of each other, whether two runs agree. Most files declare no inner shape, and what they declare is a hint.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { listed, quoted, reasonOf } from '../messages/wording.ts';
import { BackendError } from '../runtime/backends/backend.ts';
import {
  batchName,
  ExampleMaker,
  initialGroups,
  joinGroups,
  type SizeGroup,
  type Sizes,
} from './exampleInputs.ts';
import { dependentOn, isTensorNode } from './order.ts';
import type { NormalGraph, RunnablePiece } from './piece.ts';
import { type NamedTensors, type OnnxRuntime, sameTensor } from './runtime.ts';
import { openSplitPiece } from './splitPiece.ts';
import { type ElementType, sliced, type Tensor } from './tensor.ts';
import type { WeightStore } from './weightStore.ts';

export interface TensorFacts {
  readonly dtype: ElementType;
  /** At the sizes of the probe. */
  readonly shape: readonly number[];
  /** What each axis grows with: a group's name, a product or a sum of them; null where it does not grow. */
  readonly roles: readonly (string | null)[];
}

export interface Probe {
  readonly groups: readonly SizeGroup[];
  /** The sizes at which all was found. */
  readonly sizes: Sizes;
  readonly inputs: NamedTensors;
  readonly tensors: ReadonlyMap<string, TensorFacts>;
  /** Tensors that depend on the values of an input, in order; only these can be intervened on. */
  readonly dependent: ReadonlySet<string>;
  /** Whether a row of a batch has the numbers that it has alone; several rows may then run together. */
  readonly rowsAreIndependent: boolean;
  /** Why not, in a sentence. */
  readonly reason: string | undefined;
}

/** A choice of sizes that are all different, so that a wrong grouping shows, and even, so that a stride of two divides them. */
const distinct = [6, 10, 14, 22, 26, 34, 38, 46];
const probedBatch = 2;

const sizesFor = (groups: readonly SizeGroup[], unit = 1): Sizes =>
  Object.fromEntries(
    groups.map(({ name }, index) => [
      name,
      name === batchName ? probedBatch : unit * (distinct[index] ?? 58 + 2 * index),
    ]),
  );

/** What images are divided by before they are put together again: 6, 10, 14 of these are multiples of 32. */
const imageUnit = 16;

/** Whether some input has two free axes behind its channels. */
const hasPicture = (groups: readonly SizeGroup[]): boolean => {
  const axes = groups.flatMap((group) => group.axes);
  return axes.some(
    ({ input, axis }) => axis === 2 && axes.some((other) => other.input === input && other.axis === 3),
  );
};

interface Settled {
  readonly groups: readonly SizeGroup[];
  readonly sizes: Sizes;
  readonly values: NamedTensors;
}

/** Ways to make groups of axes that grow together: those at one axis of different inputs first, then any two. */
function* joinings(groups: readonly SizeGroup[]): Generator<readonly SizeGroup[]> {
  const byAxis = new Map<number, string>();
  let atOneAxis = groups;
  for (const { name, axes } of groups) {
    const axis = axes[0]?.axis ?? 0;
    const first = byAxis.get(axis);
    if (first === undefined) byAxis.set(axis, name);
    else atOneAxis = joinGroups(atOneAxis, first, name);
  }
  if (atOneAxis.length < groups.length) yield atOneAxis;
  yield* sums(groups);
  for (const base of atOneAxis === groups ? [groups] : [groups, atOneAxis]) {
    const pairs = base.flatMap((a, index) => base.slice(index + 1).map((b) => [a.name, b.name] as const));
    // The batch is joined with another axis last: a model runs with equal numbers that mean different things.
    const isLast = ([a, b]: readonly [string, string]): number => Number(a === batchName || b === batchName);
    for (const [a, b] of pairs.toSorted((x, y) => isLast(x) - isLast(y))) yield joinGroups(base, a, b);
  }
}

/** One group as long as two others together. */
function* sums(groups: readonly SizeGroup[]): Generator<readonly SizeGroup[]> {
  const others = groups.filter(({ name }) => name !== batchName);
  for (const whole of others) {
    const parts = others.filter((group) => group !== whole);
    for (const [index, a] of parts.entries()) {
      for (const b of parts.slice(index + 1)) {
        const sum = { ...whole, sumOf: [a.name, b.name] as const };
        yield groups.map((group) => (group === whole ? sum : group));
      }
    }
  }
}

const mostJoinings = 40;

async function settle(
  piece: RunnablePiece,
  maker: ExampleMaker,
  first: readonly SizeGroup[],
  exampleSizes: Sizes | undefined,
): Promise<Settled> {
  let words = '';
  const attempt = async (groups: readonly SizeGroup[], sizes: Sizes): Promise<Settled | undefined> => {
    try {
      return { groups, sizes, values: await piece.run(maker.make(groups, sizes)) };
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      words ||= reasonOf(error);
      return undefined;
    }
  };
  // Strides and paddings of a picture's axes show at sizes that all of them divide.
  for (const unit of hasPicture(first) ? [imageUnit, 1] : [1, imageUnit]) {
    const found = await attempt(first, sizesFor(first, unit));
    if (found) return found;
  }
  let tries = 0;
  for (const groups of joinings(first)) {
    tries += 1;
    if (tries > mostJoinings) break;
    const joined = await attempt(groups, sizesFor(groups));
    if (joined) return joined;
  }
  const asGiven = exampleSizes && (await attempt(first, exampleSizes));
  if (asGiven) return asGiven;
  throw new CheckpointError(
    `The model does not run at any sizes that were tried (${listed(first.map(({ name }) => name))}). Give an example of its inputs. The runtime said: ${words}`,
  );
}

/** What an axis's sizes say: how it grows with each group. */
function roleOf(
  base: number,
  grown: readonly {
    readonly group: string;
    readonly from: number;
    readonly to: number;
    readonly size: number;
  }[],
): string | null {
  const growing = grown.filter(({ size }) => size !== base);
  if (growing.length === 0) return null;
  const isProduct = growing.every(({ from, to, size }) => size * from === base * to);
  if (isProduct) {
    const names = growing.map(({ group }) => group);
    const own = growing.reduce((product, { from }) => product * from, 1);
    const factor = base / own;
    return [...(factor === 1 ? [] : [String(Number(factor.toFixed(4)))]), ...names].join('*');
  }
  return growing
    .map(({ group, from, to, size }) => {
      const slope = (size - base) / (to - from);
      const rest = base - slope * from;
      const scaled = slope === 1 ? group : `${Number(slope.toFixed(4))}*${group}`;
      return growing.length > 1 || rest === 0
        ? scaled
        : `${scaled}${rest > 0 ? '+' : ''}${Number(rest.toFixed(4))}`;
    })
    .join('+');
}

interface Growth {
  readonly group: string;
  readonly from: number;
  readonly to: number;
  readonly values: NamedTensors;
}

async function grow(piece: RunnablePiece, maker: ExampleMaker, settled: Settled): Promise<readonly Growth[]> {
  const growths: Growth[] = [];
  for (const { name, sumOf } of settled.groups) {
    if (sumOf) continue;
    const from = settled.sizes[name] ?? 1;
    for (const to of [from * 2, from + 1]) {
      try {
        const values = await piece.run(maker.make(settled.groups, { ...settled.sizes, [name]: to }));
        growths.push({ group: name, from, to, values });
        break;
      } catch (error) {
        // A size that the model does not admit: the axis is as good as fixed.
        if (!(error instanceof BackendError)) throw error;
      }
    }
  }
  return growths;
}

function factsOf(settled: Settled, growths: readonly Growth[]): ReadonlyMap<string, TensorFacts> {
  return new Map(
    Object.entries(settled.values).map(([name, { dtype, shape }]) => {
      const roles = shape.map((base, axis) => {
        const grown = growths.flatMap(({ group, from, to, values }) => {
          const other = values[name];
          if (!other || other.shape.length !== shape.length) return [];
          return [{ group, from, to, size: other.shape[axis] ?? base }];
        });
        return roleOf(base, grown);
      });
      return [name, { dtype, shape, roles }];
    }),
  );
}

/** Numbers of a tensor; whole ones and truth values as they are. */
function numbersOf({ data }: Tensor): ArrayLike<number> {
  return data instanceof BigInt64Array || data instanceof BigUint64Array ? Array.from(data, Number) : data;
}

/** A matrix product of other sizes adds in another order; a model whose rows depend on each other differs by far more. */
const sameRowBound = 1e-3;

export function largestGap(a: Tensor, b: Tensor): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  if (left.length !== right.length) return Number.POSITIVE_INFINITY;
  let gap = 0;
  let scale = 1e-6;
  for (let i = 0; i < left.length; i++) {
    const [x, y] = [left[i] ?? 0, right[i] ?? 0];
    if (Number.isNaN(x) && Number.isNaN(y)) continue;
    if (x === y) continue;
    gap = Math.max(gap, Math.abs(x - y));
    scale = Math.max(scale, Math.abs(x));
  }
  return gap / scale;
}

interface Dependence {
  readonly independent: boolean;
  readonly reason?: string;
}

async function rowsIndependent(
  piece: RunnablePiece,
  settled: Settled,
  inputs: NamedTensors,
  facts: ReadonlyMap<string, TensorFacts>,
  graph: NormalGraph,
  dependent: ReadonlySet<string>,
): Promise<Dependence> {
  const batch = settled.groups.find(({ name }) => name === batchName);
  if (!batch) return { independent: false, reason: 'Its batch has a fixed size, so rows run one at a time.' };
  // However alike the rows are that are tried: one scale is taken of all of them.
  if (graph.nodes.some(({ op }) => op === 'DynamicQuantizeLinear'))
    return {
      independent: false,
      reason: 'This model scales each batch as a whole (DynamicQuantizeLinear), so rows run one at a time.',
    };
  const rowOf = (row: number): NamedTensors =>
    Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => {
        const at = batch.axes.find(({ input }) => input === name);
        return [name, at ? sliced(tensor, at.axis, row, row + 1) : tensor];
      }),
    );
  for (let row = probedBatch - 1; row >= 0; row--) {
    let alone: NamedTensors;
    try {
      alone = await piece.run(rowOf(row));
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      return {
        independent: false,
        reason: 'It does not run with a batch of one, so rows cannot be told apart.',
      };
    }
    for (const [name, together] of Object.entries(settled.values)) {
      if (!dependent.has(name)) continue;
      const roles = facts.get(name)?.roles ?? [];
      const axis = roles.findIndex((role) => role?.split('*').includes(batchName));
      const single = alone[name];
      if (axis < 0 || !single || facts.get(name)?.dtype === 'bool') continue;
      const share = (together.shape[axis] ?? 0) / probedBatch;
      if (!Number.isInteger(share)) continue;
      const own = sliced(together, axis, row * share, (row + 1) * share);
      if (largestGap(own, single) <= sameRowBound) continue;
      return {
        independent: false,
        reason: `Tensor ${quoted(name)} of a row depends on the other rows of its batch, so rows run one at a time.`,
      };
    }
  }
  return { independent: true };
}

export interface ProbeOptions {
  /** Inputs that a person has; what is not given is made up. */
  readonly example?: NamedTensors;
}

/**
 * Run a model at a few sizes with every tensor as an output.
 * @throws CheckpointError when it runs at no sizes, or gives other numbers each time
 */
export async function probe(
  graph: NormalGraph,
  store: WeightStore,
  runtime: OnnxRuntime,
  { example = {} }: ProbeOptions = {},
): Promise<Probe> {
  const maker = new ExampleMaker(graph, example);
  const inputs = graph.inputs.map((info) => {
    const given = example[info.name];
    return given && info.shape === undefined ? { ...info, shape: given.shape.map(() => undefined) } : info;
  });
  const first = initialGroups(inputs);
  const dependent = dependentOn(
    graph.nodes,
    graph.inputs.map(({ name }) => name),
  );
  const computed = graph.nodes.filter(isTensorNode).flatMap(({ outputs }) => outputs);
  const outputs = computed.filter((name) => name !== '');
  const piece = await openSplitPiece(runtime, store, graph, { nodes: graph.nodes, inputs, outputs }, true);
  try {
    const exampleSizes = sizesOfExample(first, example);
    const settled = await settle(piece, maker, first, exampleSizes);
    const given = maker.make(settled.groups, settled.sizes);
    const again = await piece.run(given);
    for (const [name, value] of Object.entries(settled.values)) {
      const second = again[name];
      const maker = graph.nodes.find((node) => node.outputs.includes(name));
      if (second && !sameTensor(value, second))
        throw new CheckpointError(
          `Two runs on the same input differ (${quoted(maker?.name || name)}). Export in evaluation mode.`,
        );
    }
    const facts = factsOf(settled, await grow(piece, maker, settled));
    const rows = await rowsIndependent(piece, settled, given, facts, graph, dependent);
    return {
      groups: settled.groups,
      sizes: settled.sizes,
      inputs: given,
      tensors: facts,
      dependent: new Set([...dependent].filter((name) => facts.has(name))),
      rowsAreIndependent: rows.independent,
      reason: rows.reason,
    };
  } finally {
    await piece.dispose();
  }
}

/** The sizes that an example has, where it has all inputs. */
function sizesOfExample(groups: readonly SizeGroup[], example: NamedTensors): Sizes | undefined {
  const sizes = groups.map(({ name, axes }) => {
    const [at] = axes;
    return [name, at && example[at.input]?.shape[at.axis]] as const;
  });
  if (sizes.some(([, size]) => size === undefined)) return undefined;
  return Object.fromEntries(sizes.map(([name, size]) => [name, size ?? 1]));
}
