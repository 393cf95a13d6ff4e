// A graph with its products of weights in float16, as an adapter with `shader-f16` computes them: in half the memory, and on
// most hardware in half the time or less. Everything else stays what it was. Inputs and outputs keep their dtypes, but for
// the weights that are given in float16, so whoever runs the graph knows no difference.
//
// What is computed in float16 is a product with a weight, and what only follows it: activations, and operators that move
// entries, as long as all that they read is float16 already. Where one reads float32 too (the residual stream, a hand-over, a
// pool of sources) it is computed in float32. Norms, softmax, sums along axes, exponentials and products of two activations
// (attention's) are computed in float32 always: float16 has eleven bits, of scores near 50 it would keep the first digit
// behind the point, and for prompts of tens of tokens such products are a few per cent of the work.

import { type Graph, graph } from './graph.ts';
import { isNoFiniteHalf, toHalf } from './half.ts';
import { elementTypes } from './protobuf.ts';
import { apply, applyMany, checkedConstant, input, type Operation, type Value } from './value.ts';

const products: ReadonlySet<string> = new Set(['MatMul', 'Gemm']);
/** Move entries: of a weight they give a weight. */
const moving: ReadonlySet<string> = new Set([
  'Reshape',
  'Transpose',
  'Unsqueeze',
  'Squeeze',
  'Slice',
  'Concat',
  'Gather',
  'Identity',
]);
/** May follow a product: entry by entry, and no steeper than what they read is exact. */
const following: ReadonlySet<string> = new Set([
  ...moving,
  'Add',
  'Sub',
  'Mul',
  'Max',
  'Min',
  'Neg',
  'Sigmoid',
  'Tanh',
  'Relu',
  'Gelu',
]);

/** Weights of which a value is a part or a rearrangement, and nothing else; none for what is computed. */
function weightsWithin(value: Value, isWeight: (name: string) => boolean): ReadonlySet<string> | undefined {
  const { origin } = value;
  if (origin.kind === 'input') return isWeight(origin.name) ? new Set([origin.name]) : undefined;
  if (origin.kind === 'constant' || !moving.has(origin.operation.op)) return undefined;
  const found = new Set<string>();
  for (const read of origin.operation.inputs) {
    // Axes, shapes and indices.
    if (read.dtype !== 'float32') continue;
    const within = weightsWithin(read, isWeight);
    if (!within) return undefined;
    for (const name of within) found.add(name);
  }
  return found.size > 0 ? found : undefined;
}

const isProductOfWeight = ({ op, inputs }: Operation, isWeight: (name: string) => boolean): boolean =>
  products.has(op) && inputs.slice(0, 2).some((operand) => weightsWithin(operand, isWeight) !== undefined);

/**
 * Inputs that a graph does nothing with but multiply by them: those that can be given in float16. A bias that is added within
 * such a product is among them.
 * @param isWeight of the names that come into question
 */
export function multipliedInputs(source: Graph, isWeight: (name: string) => boolean): ReadonlySet<string> {
  const found = new Set([...source.inputs.keys()].filter(isWeight));
  for (const operation of source.operations) {
    if (moving.has(operation.op) && operation.outputs.every((output) => weightsWithin(output, isWeight)))
      continue;
    if (isProductOfWeight(operation, isWeight)) continue;
    for (const read of operation.inputs)
      for (const name of weightsWithin(read, isWeight) ?? []) found.delete(name);
  }
  return found;
}

/** A value of the new graph in each form that something has asked for. */
interface Forms {
  readonly native: 'half' | 'full';
  half?: Value;
  full?: Value;
}

const halfConstant = ({ shape, origin }: Value): Value | undefined => {
  if (origin.kind !== 'constant' || !(origin.data instanceof Float32Array)) return undefined;
  const { data } = origin;
  const halves = toHalf(data);
  const vanishes = (half: number, at: number) => (half & 0x7fff) === 0 && data[at] !== 0;
  // What becomes infinite, or vanishes, is another number.
  const isOther = halves.some((half, at) => isNoFiniteHalf(half) || vanishes(half, at));
  return isOther ? undefined : checkedConstant('float16', halves, shape);
};

/**
 * @param halfInputs names of the inputs that are given in float16; their values are otherwise the same
 * @returns a graph with the same inputs and outputs
 */
export function halved(source: Graph, halfInputs: ReadonlySet<string>): Graph {
  const isHalf = (name: string) => halfInputs.has(name);
  const known = new Map<Value, Forms>();
  const formsOf = (value: Value): Forms => {
    const found = known.get(value);
    if (found) return found;
    const { origin } = value;
    const isGivenHalf = origin.kind === 'input' && isHalf(origin.name);
    const forms: Forms = isGivenHalf
      ? { native: 'half', half: input(origin.name, 'float16', value.shape) }
      : { native: 'full', full: value };
    known.set(value, forms);
    return forms;
  };
  const fullOf = (value: Value): Value => {
    const forms = formsOf(value);
    if (forms.half)
      forms.full ??= apply('Cast', [forms.half], { to: elementTypes.float32 }, 'float32', value.shape);
    return forms.full ?? value;
  };
  const halfOf = (value: Value): Value => {
    if (value.dtype !== 'float32') return fullOf(value);
    const forms = formsOf(value);
    forms.half ??=
      halfConstant(value) ??
      apply('Cast', [fullOf(value)], { to: elementTypes.float16 }, 'float16', value.shape);
    return forms.half;
  };
  /** Whether it is float16 without a cast, or a constant that float16 can say. */
  const followsHalf = ({ op, inputs }: Operation): boolean => {
    const numbers = inputs.filter(({ dtype }) => dtype === 'float32');
    return (
      following.has(op) &&
      numbers.some((value) => formsOf(value).native === 'half') &&
      numbers.every((value) => formsOf(value).native === 'half' || halfConstant(value) !== undefined)
    );
  };
  for (const operation of source.operations) {
    const { op, inputs, attributes, outputs } = operation;
    const inHalf = isProductOfWeight(operation, isHalf) || followsHalf(operation);
    const made = applyMany(
      op,
      inputs.map(inHalf ? halfOf : fullOf),
      attributes,
      outputs.map(({ dtype, shape }) => ({
        dtype: inHalf && dtype === 'float32' ? 'float16' : dtype,
        shape,
      })),
    );
    outputs.forEach((output, index) => {
      const value = made[index];
      if (!value) return;
      known.set(
        output,
        value.dtype === 'float16' ? { native: 'half', half: value } : { native: 'full', full: value },
      );
    });
  }
  return graph(Object.fromEntries([...source.outputs].map(([name, value]) => [name, fullOf(value)])));
}
