// A mixture of experts in place of one MLP: a router scores the experts for each token, and the outputs of the best few
// are added, weighted by their share of softmax.
//
// Which experts a token takes is known only on the device, and a graph has fixed shapes there, so every expert is computed
// for every token and what was not chosen is weighted by zero: with k of n experts, n / k times the work. It also means
// that what an expert that was not chosen would have said can be read.

import { matMul } from '../onnx/contraction.ts';
import { add, cast, div, equal, greater, less, mul, where } from '../onnx/elementwise.ts';
import { concat, reshape, unsqueeze } from '../onnx/layout.ts';
import { reduceSum, softmax } from '../onnx/reduction.ts';
import { constant, sizeAt, type Value } from '../onnx/value.ts';
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

/** @see Shazeer et al. 2017, "Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer" */
export function mixture({ router, experts, chosen, isNormalized }: Mixture): Module {
  return {
    weights: Object.assign({}, router.weights, ...experts.map(({ weights }) => weights)),
    apply: (scope, x) => {
      const { site } = scope;
      const m = site('mlp_input', x);
      const [tokens, width] = [sizeAt(m.shape, 0), sizeAt(m.shape, 1)];
      const shares = softmax(site('router_output', router.apply(scope, m)));
      const kept = where(amongLargest(shares, chosen), shares, constant(0));
      const weights = isNormalized ? div(kept, reduceSum(kept, { axes: [1] })) : kept;
      const outputs = experts.map((expert) => unsqueeze(expert.apply(scope, m), [1]));
      const all = site('expert_output', concat(outputs, 1));
      const sum = matMul(unsqueeze(weights, [1]), all);
      return site('mlp_output', reshape(sum, [tokens, width]));
    },
  };
}
