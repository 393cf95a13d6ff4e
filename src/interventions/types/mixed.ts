// What the masked types share: base and source mixed entry by entry, in a rotated basis or as they are.

import { matMul } from '../../onnx/contraction.ts';
import { add, mul, sub } from '../../onnx/elementwise.ts';
import { transpose } from '../../onnx/layout.ts';
import { constant, type Value } from '../../onnx/value.ts';

/** out = (1 - mask) base + mask source */
export const mix = (base: Value, source: Value, mask: Value): Value =>
  add(mul(sub(constant(1), mask), base), mul(mask, source));

/** out = mix(base W, source W, mask) Wᵀ */
export const mixRotated = (base: Value, source: Value, rotation: Value, mask: Value): Value =>
  matMul(mix(matMul(base, rotation), matMul(source, rotation), mask), transpose(rotation, [1, 0]));
