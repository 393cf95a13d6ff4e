// Steps of optimisers as graphs: parameters, gradients and moments are values, so that what is trained stays on the
// device. The formulas, their order and their defaults are PyTorch's, so that a recipe gives the same path here.

import { add, div, mul, sqrt, sub } from '../onnx/elementwise.ts';
import { slice } from '../onnx/layout.ts';
import { constant, ShapeError, type Value } from '../onnx/value.ts';

export type OptimizerSettings =
  | {
      readonly kind: 'sgd';
      /** Default 0. */
      readonly momentum?: number;
      /** Added to the gradient times the parameter; default 0. */
      readonly weightDecay?: number;
    }
  | {
      /** `adam` adds the decay to the gradient, `adamw` shrinks the parameter apart from it. */
      readonly kind: 'adam' | 'adamw';
      /** Default 0.9 and 0.999. */
      readonly betas?: readonly [number, number];
      /** Default 1e-8. */
      readonly epsilon?: number;
      /** Default 0 for `adam`, 0.01 for `adamw`. */
      readonly weightDecay?: number;
    };

/** What an optimiser remembers of each parameter between steps, in the parameter's shape; zero before the first. */
export function momentNames(settings: OptimizerSettings): readonly string[] {
  if (settings.kind !== 'sgd') return ['first', 'second'];
  return (settings.momentum ?? 0) === 0 ? [] : ['velocity'];
}

/** Numbers of a schedule input. */
export const scheduleWidth = 3;

/**
 * The input that tells a graph which step it is: the rate, and the factors by which moments are corrected.
 * @param step from 1
 */
export function scheduleOf(settings: OptimizerSettings, step: number, rate: number): Float32Array {
  if (settings.kind === 'sgd') return Float32Array.of(rate, 1, 1);
  const [first, second] = betasOf(settings);
  return Float32Array.of(rate, 1 - first ** step, Math.sqrt(1 - second ** step));
}

const betasOf = ({ betas = [0.9, 0.999] }: OptimizerSettings & { kind: 'adam' | 'adamw' }) => betas;

export interface StepScope {
  readonly parameter: Value;
  readonly gradient: Value;
  /** By the names of `momentNames`. */
  readonly moments: Readonly<Record<string, Value>>;
  /** float32 [3], as `scheduleOf` gives it. */
  readonly schedule: Value;
}

export interface StepResult {
  readonly parameter: Value;
  readonly moments: Readonly<Record<string, Value>>;
}

function momentOf({ moments }: StepScope, name: string): Value {
  const moment = moments[name];
  if (!moment) throw new ShapeError(`The optimiser is given no '${name}'.`);
  return moment;
}

const scaled = (factor: number, x: Value): Value => mul(constant(factor), x);

/** beta · before + (1 - beta) · x */
const blended = (beta: number, before: Value, x: Value): Value =>
  add(scaled(beta, before), scaled(1 - beta, x));

/** One step. @see Kingma & Ba 2015, "Adam"; Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization" */
export function optimizerStep(settings: OptimizerSettings, scope: StepScope): StepResult {
  const { parameter, schedule } = scope;
  const [rate, firstCorrection, secondCorrection] = [0, 1, 2].map((at) => slice(schedule, 0, at, at + 1));
  if (!rate || !firstCorrection || !secondCorrection) throw new ShapeError('A schedule has three numbers.');
  const decay = settings.weightDecay ?? (settings.kind === 'adamw' ? 0.01 : 0);
  const gradient =
    decay !== 0 && settings.kind !== 'adamw' ? add(scope.gradient, scaled(decay, parameter)) : scope.gradient;
  if (settings.kind === 'sgd') {
    const { momentum = 0 } = settings;
    if (momentum === 0) return { parameter: sub(parameter, mul(rate, gradient)), moments: {} };
    const velocity = add(scaled(momentum, momentOf(scope, 'velocity')), gradient);
    return { parameter: sub(parameter, mul(rate, velocity)), moments: { velocity } };
  }
  const [betaFirst, betaSecond] = betasOf(settings);
  const first = blended(betaFirst, momentOf(scope, 'first'), gradient);
  const second = blended(betaSecond, momentOf(scope, 'second'), mul(gradient, gradient));
  const shrunk =
    settings.kind === 'adamw' && decay !== 0
      ? sub(parameter, mul(mul(rate, constant(decay)), parameter))
      : parameter;
  const deviation = add(div(sqrt(second), secondCorrection), constant(settings.epsilon ?? 1e-8));
  const move = mul(div(rate, firstCorrection), div(first, deviation));
  return { parameter: sub(shrunk, move), moments: { first, second } };
}
