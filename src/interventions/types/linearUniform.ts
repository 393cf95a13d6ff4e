// How PyTorch fills a linear layer.

import { standardUniform } from '../../random/noise.ts';
import type { FragmentParameter } from '../../runtime/plan/plan.ts';

/** Uniform within 1 / sqrt(inputs), which is what `torch.nn.Linear` draws for weight and bias. */
export function linearUniform(inputs: number, seed: number, ...shape: readonly number[]): FragmentParameter {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Float32Array.from(standardUniform(seed, count), (x) => (2 * x - 1) / Math.sqrt(inputs));
  return { data, shape };
}
