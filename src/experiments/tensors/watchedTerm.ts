// What is watched, as the formula of an objective: the same number as `Measure.of`, of values that gradients pass.

import type { ObjectiveTerm } from '../../imported/backward/objective.ts';
import type { Tensor } from '../../imported/tensor.ts';
import { div, exp, mul, sqrt, sub } from '../../onnx/elementwise.ts';
import { gatherElements, reshape } from '../../onnx/layout.ts';
import { reduceLogSumExp, reduceMean, reduceSum } from '../../onnx/reduction.ts';
import type { Value } from '../../onnx/value.ts';
import { type Measure, measuredEntries, type ResolvedWatch } from './watched.ts';

const over = { axes: [1], keepDimensions: false } as const;
const dot = (a: Value, b: Value): Value => reduceSum(mul(a, b), over);

const floatTensor = (data: Float32Array): Tensor => ({ dtype: 'float32', shape: [1, data.length], data });

/** @param v [1, width] @returns [1] */
function formulaOf(
  kind: ResolvedWatch['watched']['kind'],
  v: Value,
  perUnit: (name: string) => Value,
): Value {
  switch (kind) {
    case 'entry':
    case 'difference':
      return dot(gatherElements(v, perUnit('entries'), 1), perUnit('factors'));
    case 'probability': {
      const entry = reduceSum(gatherElements(v, perUnit('entries'), 1), over);
      return exp(sub(entry, reduceLogSumExp(v, over)));
    }
    case 'cosine': {
      const to = perUnit('to');
      return div(dot(v, to), sqrt(mul(dot(v, v), dot(to, to))));
    }
    case 'distance': {
      const apart = sub(v, perUnit('to'));
      return sqrt(dot(apart, apart));
    }
    case 'squared': {
      const apart = sub(v, perUnit('to'));
      return reduceMean(mul(apart, apart), over);
    }
    case 'scalar':
      return reduceSum(v, over);
    default:
      return kind satisfies never;
  }
}

/** @param output of a run: of the shape of those that are measured */
export function watchedTerm(watch: ResolvedWatch, { parts }: Measure, output: Tensor): ObjectiveTerm {
  const { entries, vectors, isMean } = measuredEntries(watch, output);
  const { kind } = watch.watched;
  const width = entries.length / vectors;
  const perUnit = ((): ObjectiveTerm['perUnit'] => {
    if (parts.kind === 'compared') return { to: floatTensor(Float32Array.from(parts.to)) };
    if (parts.kind === 'whole') return {};
    const { entries: own } = parts;
    return {
      entries: {
        dtype: 'int32',
        shape: [1, own.length],
        data: Int32Array.from(own, ({ entry }) => entry),
      },
      factors: floatTensor(Float32Array.from(own, ({ factor }) => factor)),
    };
  })();
  return {
    tensor: watch.output,
    entries,
    shape: [1, entries.length],
    key: `watched ${kind} ${isMean ? `mean of ${vectors}` : ''}`,
    build: (value, given) => {
      const whole = isMean
        ? reduceMean(reshape(value, [vectors, width]), { axes: [0], keepDimensions: true })
        : value;
      return formulaOf(kind, whole, given);
    },
    perUnit,
    weight: 1,
  };
}
