// A mixture of experts in place of one MLP: a router scores the experts for each token, and the outputs of the best few
// are added, weighted by their share of softmax.
//
// Which experts a token takes is known only on the device. On a processor each expert is given the tokens that chose it.
// Where shapes are fixed, on a GPU and in what is differentiated, every expert is computed for every token and what was not
// chosen is weighted by zero: with k of n experts, n / k times the work. So it is, too, where somebody looks at what experts
// put out: what one that was not chosen would have said can be read.

import { matMul } from '../onnx/contraction.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { columnsOfNonZero, splitBySizes } from '../onnx/dynamic.ts';
import { add, cast, div, equal, greater, less, mul, sub, where } from '../onnx/elementwise.ts';
import { concat, gather, gatherElements, reshape, transpose, unsqueeze } from '../onnx/layout.ts';
import { cumulativeSum, reduceMax, reduceSum, softmax, topK } from '../onnx/reduction.ts';
import { constant, int32, sizeAt, type Value } from '../onnx/value.ts';
import type { PartScope } from './architecture.ts';
import type { Module } from './module.ts';

export interface Mixture {
  /** [tokens, width] to a score for each expert, [tokens, experts]. */
  readonly router: Module;
  /** Each [tokens, width] to [tokens, width]. */
  readonly experts: readonly Module[];
  /** Experts that a token takes. */
  readonly chosen: number;
  /** Whether the shares of the chosen ones are divided by their sum. */
  readonly isNormalized: boolean;
}

/** 1 where a number is among the `count` largest of its row; of equal ones the first. */
function amongLargest(x: Value, count: number): Value {
  const size = Number(sizeAt(x.shape, 1));
  const earlier = Float32Array.from({ length: size * size }, (_, at) =>
    at % size < Math.floor(at / size) ? 1 : 0,
  );
  const [own, other] = [unsqueeze(x, [2]), unsqueeze(x, [1])];
  const tied = mul(cast(equal(other, own), 'float32'), constant(earlier, [size, size]));
  const ahead = add(cast(greater(other, own), 'float32'), tied);
  return less(reduceSum(ahead, { axes: [2], keepDimensions: false }), constant(count));
}

type Mixing = Pick<Mixture, 'experts' | 'chosen' | 'isNormalized'>;

const normalized = (weights: Value, isNormalized: boolean): Value =>
  isNormalized ? div(weights, reduceSum(weights, { axes: [1] })) : weights;

/**
 * Every expert's output for every token, weighted.
 * @param shares [tokens, experts]
 * @returns      [tokens, 1, width]
 */
function mixAll({ experts, chosen, isNormalized }: Mixing, scope: PartScope, m: Value, shares: Value): Value {
  const kept = where(amongLargest(shares, chosen), shares, constant(0));
  const outputs = experts.map((expert) => unsqueeze(expert.apply(scope, m), [1]));
  const all = scope.site('expert_output', concat(outputs, 1));
  return matMul(unsqueeze(normalized(kept, isNormalized), [1]), all);
}

/** As `mixAll`: the tokens sorted by expert, each expert given its own, and what they say taken back to where it belongs. */
function mixChosen(
  { experts, chosen, isNormalized }: Mixing,
  scope: PartScope,
  sizeName: (name: string) => string,
  m: Value,
  shares: Value,
): Value {
  const { values, places } = topK(shares, chosen); // Of equal ones the first.
  const which = cast(places, 'int32'); // [tokens, chosen]
  const number = int32(
    Int32Array.from(experts, (_, expert) => expert),
    [experts.length],
  );
  const isTaken = reduceMax(cast(equal(unsqueeze(which, [2]), number), 'float32'), {
    axes: [1],
    keepDimensions: false,
  }); // [tokens, experts]
  const counts = reduceSum(isTaken, { axes: [0], keepDimensions: false });
  // Experts one after another, the tokens of each in order.
  const before = add(sub(cumulativeSum(isTaken, 0), isTaken), sub(cumulativeSum(counts, 0), counts));
  const total = multiplyDimensions(sizeAt(m.shape, 0), chosen);
  const tokens = cast(columnsOfNonZero(transpose(isTaken, [1, 0]), total), 'int32');
  const names = experts.map((_, expert) => sizeName(`expert${expert}`));
  const shared = splitBySizes(gather(m, tokens, 0), 0, counts, names);
  const outputs = experts.flatMap((expert, index) =>
    shared[index] ? [expert.apply(scope, shared[index])] : [],
  );
  const own = gather(concat(outputs, 0), gatherElements(cast(before, 'int32'), which, 1), 0);
  return matMul(unsqueeze(normalized(values, isNormalized), [1]), own); // [tokens, chosen, width] before
}

/** @see Shazeer et al. 2017, "Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer" */
export function mixture({ router, experts, chosen, isNormalized }: Mixture): Module {
  const mixing = { experts, chosen, isNormalized };
  return {
    weights: Object.assign({}, router.weights, ...experts.map(({ weights }) => weights)),
    apply: (scope, x) => {
      const { site, dynamic } = scope;
      const m = site('mlp_input', x);
      const shares = softmax(site('router_output', router.apply(scope, m)));
      const mixed =
        dynamic && chosen < experts.length && !scope.isTouched('expert_output')
          ? mixChosen(mixing, scope, dynamic.sizeName, m, shares)
          : mixAll(mixing, scope, m, shares);
      return site('mlp_output', reshape(mixed, m.shape));
    },
  };
}
