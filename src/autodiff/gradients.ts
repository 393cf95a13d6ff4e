// Reverse mode as a transformation of graphs. A graph is the values asked of it, so the gradients are values too: made of
// operators with WebGPU kernels, of the values they were derived from, and of nothing that runs outside a graph. Whoever
// collects them into a graph gets the forward computation that they need along with them.

import { sameShape } from '../onnx/dimension.ts';
import { add } from '../onnx/elementwise.ts';
import { zerosLike } from '../onnx/fill.ts';
import { concat, slice } from '../onnx/layout.ts';
import { ownGradient } from '../onnx/ownGradient.ts';
import { describeValue, type Operation, ShapeError, type Value } from '../onnx/value.ts';
import { contractionRules } from './contractionRules.ts';
import { elementwiseRules } from './elementwiseRules.ts';
import { gatherRules } from './gatherRules.ts';
import { layoutRules } from './layoutRules.ts';
import { reductionRules } from './reductionRules.ts';
import { type Contribution, outputOf, type PartOfGradient, type Rule, type RuleOptions } from './rule.ts';
import { windowRules } from './windowRules.ts';

const rules: ReadonlyMap<string, Rule> = new Map(
  [elementwiseRules, contractionRules, layoutRules, gatherRules, reductionRules, windowRules].flatMap(
    (group) => Object.entries(group),
  ),
);

/** The operators that gradients flow through. */
export const differentiable: readonly string[] = [...rules.keys()];

export interface Seed {
  readonly value: Value;
  /** The gradient of the objective at the value, in its shape. */
  readonly gradient: Value;
}

/** Operations that some seed needs, each after those it reads. */
function operationsOf(seeds: readonly Seed[]): readonly Operation[] {
  const order: Operation[] = [];
  const seen = new Set<Operation>();
  const visit = ({ origin }: Value): void => {
    if (origin.kind !== 'operation' || seen.has(origin.operation)) return;
    seen.add(origin.operation);
    for (const read of origin.operation.inputs) visit(read);
    order.push(origin.operation);
  };
  for (const { value } of seeds) visit(value);
  return order;
}

/** Values that depend on one of `wrt`, these included. Integers and truth values pass nothing on. */
function dependents(order: readonly Operation[], wrt: readonly Value[]): ReadonlySet<Value> {
  const depends = new Set(wrt);
  for (const { inputs, outputs } of order) {
    if (!inputs.some((input) => depends.has(input))) continue;
    for (const output of outputs) if (output.dtype === 'float32') depends.add(output);
  }
  return depends;
}

const isPart = (contribution: Contribution): contribution is PartOfGradient => 'part' in contribution;

/** Parts that do not overlap, side by side with zeros between them: one concatenation instead of a sum of padded parts. */
function joinParts(value: Value, parts: readonly PartOfGradient[]): readonly Value[] {
  const rest = [...parts].sort((a, b) => a.axis - b.axis || a.from - b.from);
  const joined: Value[] = [];
  while (rest.length > 0) {
    const axis = rest[0]?.axis ?? 0;
    const pieces: Value[] = [];
    const gap = (from: number, to: number) => {
      if (to > from) pieces.push(zerosLike(slice(value, axis, from, to)));
    };
    let end = 0;
    for (let i = 0; i < rest.length; ) {
      const next = rest[i];
      if (!next || next.axis !== axis || next.from < end) {
        i += 1;
        continue;
      }
      gap(end, next.from);
      pieces.push(next.part);
      end = next.from + Number(next.part.shape[axis]);
      rest.splice(i, 1);
    }
    gap(end, Number(value.shape[axis]));
    joined.push(concat(pieces, axis));
  }
  return joined;
}

function total(value: Value, contributions: readonly Contribution[]): Value | undefined {
  const parts = joinParts(value, contributions.filter(isPart));
  const [first, ...others] = [...contributions.filter((c): c is Value => !isPart(c)), ...parts];
  return first && others.reduce(add, first);
}

/**
 * The gradients of an objective with respect to values, given its gradients at `seeds`:
 *
 *     gradient of w = Σ over seeds of (d seed.value / d w)ᵀ seed.gradient
 *
 * Each operation is visited once, however many paths lead through it. Where a value lies on the way to another of `wrt`,
 * each has its own total. A value that has a gradient of its own (`withGradient`) passes by way of that.
 *
 * @param seeds the same value may stand several times
 * @param wrt   float32 inputs, constants or results of operations
 * @returns     for each of `wrt` a value of its shape; undefined where no seed depends on it
 * @throws ShapeError for a gradient that does not fit its value, and for an operator on the way that has no rule
 */
export function gradients(
  seeds: readonly Seed[],
  wrt: readonly Value[],
  options: RuleOptions = {},
): readonly (Value | undefined)[] {
  for (const value of wrt) {
    if (value.dtype !== 'float32')
      throw new ShapeError(
        `There is no gradient with respect to ${describeValue(value)}: only float32 has one.`,
      );
  }
  const order = operationsOf(seeds);
  const depends = dependents(order, wrt);
  const contributions = new Map<Value, Contribution[]>();
  const contribute = (value: Value, contribution: Contribution) => {
    const known = contributions.get(value);
    if (known) known.push(contribution);
    else contributions.set(value, [contribution]);
  };
  for (const { value, gradient } of seeds) {
    if (gradient.dtype !== 'float32' || !sameShape(gradient.shape, value.shape))
      throw new ShapeError(
        `The gradient ${describeValue(gradient)} does not fit the value ${describeValue(value)}.`,
      );
    contribute(value, gradient);
  }
  const totals = new Map<Value, Value | undefined>();
  const totalOf = (value: Value): Value | undefined => {
    if (!totals.has(value)) totals.set(value, total(value, contributions.get(value) ?? []));
    return totals.get(value);
  };
  for (const operation of [...order].reverse()) {
    if (!operation.inputs.some((input) => depends.has(input))) continue;
    const gradient = totalOf(outputOf(operation));
    if (!gradient) continue;
    const own = ownGradient(operation);
    const rule = rules.get(operation.op);
    if (!own && !rule)
      throw new ShapeError(
        `The operator '${operation.op}' has no gradient. Known: ${differentiable.join(', ')}.`,
      );
    const back = own?.back(gradient) ?? rule?.(gradient, operation, options) ?? [];
    (own ?? operation).inputs.forEach((input, index) => {
      if (input.dtype === 'float32' && depends.has(input)) {
        const pull = back[index];
        if (!pull) throw new ShapeError(`The rule of '${operation.op}' gives no gradient to input ${index}.`);
        contribute(input, pull());
      }
    });
  }
  return wrt.map(totalOf);
}
