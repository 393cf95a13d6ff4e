// Parameters in training: they and the moments of their optimiser stay on the device from step to step, and a step is one
// graph. WebGPU cannot write where it reads, so each step makes new tensors and frees the old.

import {
  momentNames,
  type OptimizerSettings,
  optimizerStep,
  scheduleOf,
  scheduleWidth,
} from '../../autodiff/optimizers.ts';
import { orthonormalGap, retracted, tangent } from '../../autodiff/orthonormal.ts';
import { abs, add, div, minimum, mul, sqrt } from '../../onnx/elementwise.ts';
import { type Graph, graph } from '../../onnx/graph.ts';
import { concat, reshape } from '../../onnx/layout.ts';
import { reduceMax, reduceMin, reduceSum } from '../../onnx/reduction.ts';
import { constant, input, type Value } from '../../onnx/value.ts';
import { type Backend, type DeviceTensor, elementCount, type Program } from '../backends/backend.ts';
import { type Fragment, PlanError, type ReadTensor } from '../plan/plan.ts';

export interface TrainedParameter {
  readonly data: Float32Array;
  readonly shape: readonly number[];
  /** Keep the columns of a matrix orthonormal; they must be so at the start. */
  readonly isOrthonormal?: boolean;
  /** Factor of the rate for this parameter; default 1. */
  readonly rateFactor?: number;
}

/** What a step says of a parameter without handing it over: it may be large. */
export interface ParameterMeasures {
  /** Sum of the absolute entries: NaN or infinite where an entry is. */
  readonly sum: number;
  /** Squared lengths of the shortest and the longest column, where the columns are kept orthonormal. */
  readonly squares?: { readonly least: number; readonly most: number };
}

type Trained = Readonly<Record<string, TrainedParameter>>;

/** Further from orthonormal than float32 can be: the numbers are not meant so. */
const widestGap = 1e-4;

function check(name: string, { data, shape, isOrthonormal = false }: TrainedParameter): void {
  if (elementCount(shape) !== data.length) {
    throw new PlanError(
      `The parameter '${name}' has ${data.length} numbers; its shape [${shape.join(', ')}] needs ${elementCount(shape)}.`,
    );
  }
  if (shape.length === 0)
    throw new PlanError(`The parameter '${name}' has no axis; give a single number the shape [1].`);
  if (!isOrthonormal) return;
  const [rows = 0, columns = 0] = shape;
  if (shape.length !== 2 || columns > rows) {
    throw new PlanError(
      `The parameter '${name}' of shape [${shape.join(', ')}] cannot have orthonormal columns: it must be a matrix with at least as many rows.`,
    );
  }
  const gap = orthonormalGap(data, rows, columns);
  if (gap > widestGap) {
    throw new PlanError(
      `The columns of the parameter '${name}' are not orthonormal: WᵀW is off the identity by ${gap.toPrecision(2)}. Orthonormalise them first.`,
    );
  }
}

const measuresWidth = ({ isOrthonormal = false }: TrainedParameter): number => (isOrthonormal ? 3 : 1);

/** [1], or [3] with the extremes of the columns: the order of `measuresOf`. */
function measured(value: Value, isOrthonormal: boolean): Value {
  const single = (x: Value) => reshape(x, [1]);
  // A sum carries NaN on; of extrema, a device may leave it out.
  const sum = single(reduceSum(abs(value)));
  if (!isOrthonormal) return sum;
  const squares = reduceSum(mul(value, value), { axes: [0] });
  return concat([sum, single(reduceMin(squares)), single(reduceMax(squares))], 0);
}

function measuresOf(trained: Trained, data: ArrayLike<number>): Readonly<Record<string, ParameterMeasures>> {
  let from = 0;
  const at = (place: number) => data[from + place] ?? Number.NaN;
  const found: Record<string, ParameterMeasures> = {};
  for (const [name, parameter] of Object.entries(trained)) {
    const squares = parameter.isOrthonormal ? { squares: { least: at(1), most: at(2) } } : {};
    found[name] = { sum: at(0), ...squares };
    from += measuresWidth(parameter);
  }
  return found;
}

/**
 * What all gradients are scaled by so that together they are no longer than `clip`.
 * @see PyTorch's `clip_grad_norm_`, for its 1e-6 too
 */
function clipping(gradients: readonly Value[], clip: number): Value {
  const squares = gradients.map((gradient) => reshape(reduceSum(mul(gradient, gradient)), [1]));
  const [first, ...others] = squares;
  if (!first) return constant(1);
  const length = sqrt(others.reduce(add, first));
  return minimum(div(constant(clip), add(length, constant(1e-6))), constant(1));
}

function stepGraph(parameters: Trained, settings: OptimizerSettings, { clip }: TrainerOptions): Graph {
  const outputs: Record<string, Value> = {};
  const measures: Value[] = [];
  const opened = Object.entries(parameters).map(([name, { shape, isOrthonormal = false }]) => {
    const parameter = input(name, 'float32', shape);
    const given = input(`${name}.gradient`, 'float32', shape);
    return {
      name,
      shape,
      isOrthonormal,
      parameter,
      along: isOrthonormal ? tangent(parameter, given) : given,
    };
  });
  const factor =
    clip === undefined
      ? undefined
      : clipping(
          opened.map(({ along }) => along),
          clip,
        );
  for (const { name, shape, isOrthonormal, parameter, along } of opened) {
    const moments = Object.fromEntries(
      momentNames(settings).map((moment) => [moment, input(`${name}.${moment}`, 'float32', shape)]),
    );
    const next = optimizerStep(settings, {
      parameter,
      gradient: factor ? mul(factor, along) : along,
      moments,
      schedule: input(`${name}.schedule`, 'float32', [scheduleWidth]),
    });
    const moved = isOrthonormal ? retracted(parameter, next.parameter) : next.parameter;
    outputs[`next.${name}`] = moved;
    measures.push(measured(moved, isOrthonormal));
    for (const [moment, value] of Object.entries(next.moments)) outputs[`next.${name}.${moment}`] = value;
  }
  return graph({ ...outputs, measures: concat(measures, 0) });
}

export interface TrainerOptions {
  /** The most that all gradients of a step may be long together; of orthonormal columns their part in the tangent. */
  readonly clip?: number;
  /** What `snapshot` gave of a trainer of the same parameters and optimiser: training goes on from there. */
  readonly from?: TrainerSnapshot;
}

/** Everything that the next step depends on but its gradients. */
export interface TrainerSnapshot {
  readonly steps: number;
  /** Parameters by their names, and `NAME.first` and so on for the moments of the optimiser. */
  readonly numbers: Readonly<Record<string, Float32Array>>;
}

export class Trainer {
  readonly #backend: Backend;
  readonly #trained: Trained;
  readonly #settings: OptimizerSettings;
  readonly #program: Program;
  /** Parameters and moments by the names of the graph's inputs. */
  #tensors: Readonly<Record<string, DeviceTensor>>;
  /** The previous ones, until the next one. */
  #previous: Readonly<Record<string, DeviceTensor>> | undefined;
  #parameters: Fragment['parameters'];
  #steps: number;

  private constructor(
    backend: Backend,
    trained: Trained,
    settings: OptimizerSettings,
    program: Program,
    from: TrainerSnapshot | undefined,
  ) {
    this.#backend = backend;
    this.#trained = trained;
    this.#settings = settings;
    this.#program = program;
    const tensors: Record<string, DeviceTensor> = {};
    for (const [name, { data, shape }] of Object.entries(trained)) {
      const start = (of: string, fresh: Float32Array) => {
        tensors[of] = backend.upload(Float32Array.from(from?.numbers[of] ?? fresh), shape);
      };
      start(name, data);
      for (const moment of momentNames(settings)) start(`${name}.${moment}`, new Float32Array(data.length));
    }
    this.#tensors = tensors;
    this.#steps = from?.steps ?? 0;
    this.#parameters = this.#current();
  }

  /** @throws PlanError for numbers that do not fill their shape, or that are not orthonormal where they should be */
  static async create(
    backend: Backend,
    trained: Trained,
    settings: OptimizerSettings,
    options: TrainerOptions = {},
  ): Promise<Trainer> {
    const { from } = options;
    for (const [name, parameter] of Object.entries(trained)) {
      check(name, { ...parameter, data: from?.numbers[name] ?? parameter.data });
      for (const moment of momentNames(settings)) {
        const length = from?.numbers[`${name}.${moment}`]?.length ?? (from ? 0 : parameter.data.length);
        if (length !== parameter.data.length)
          throw new PlanError(
            `The state of a training has ${length} numbers as the ${moment} moment of '${name}'; it needs ${parameter.data.length}. Begin the training anew.`,
          );
      }
    }
    const program = await backend.compile(stepGraph(trained, settings, options));
    return new Trainer(backend, trained, settings, program, from);
  }

  /** What a later trainer can go on from, as it is after the last step. */
  async snapshot(): Promise<TrainerSnapshot> {
    const numbers: Record<string, Float32Array> = {};
    for (const [name, tensor] of Object.entries(this.#tensors))
      numbers[name] = Float32Array.from(await this.#backend.read(tensor));
    return { steps: this.#steps, numbers };
  }

  /** What fragments take until the next step; each step makes a new object. */
  get parameters(): Fragment['parameters'] {
    return this.#parameters;
  }

  /** Steps made. */
  get steps(): number {
    return this.#steps;
  }

  #current(): Fragment['parameters'] {
    return Object.fromEntries(
      Object.entries(this.#trained).map(([name, { shape }]) => [
        name,
        { tensor: this.#tensorOf(name), shape },
      ]),
    );
  }

  #tensorOf(name: string): DeviceTensor {
    const tensor = this.#tensors[name];
    if (!tensor) throw new Error(`There is no tensor '${name}'.`);
    return tensor;
  }

  /**
   * One step. The gradients stay their owner's; the previous parameters are kept until the next step.
   * @param gradients of all parameters, in their shapes
   * @param rate      the learning rate of this step
   * @returns what the parameters have become, in a few numbers each
   */
  async step(
    gradients: Readonly<Record<string, DeviceTensor>>,
    rate: number,
  ): Promise<Readonly<Record<string, ParameterMeasures>>> {
    const schedules: Record<string, DeviceTensor> = {};
    const given: Record<string, DeviceTensor> = {};
    try {
      for (const [name, { rateFactor = 1 }] of Object.entries(this.#trained)) {
        const gradient = gradients[name];
        if (!gradient) throw new PlanError(`There is no gradient of the parameter '${name}'.`);
        given[`${name}.gradient`] = gradient;
        const numbers = scheduleOf(this.#settings, this.#steps + 1, rate * rateFactor);
        schedules[`${name}.schedule`] = this.#backend.upload(numbers, [scheduleWidth]);
      }
      const { measures, ...next } = await this.#program.run({ ...this.#tensors, ...given, ...schedules });
      if (!measures) throw new Error('The step gave no measures.');
      this.#forget();
      this.#previous = this.#tensors;
      this.#tensors = Object.fromEntries(
        Object.entries(next).map(([name, tensor]) => [name.slice('next.'.length), tensor]),
      );
      this.#steps += 1;
      this.#parameters = this.#current();
      try {
        return measuresOf(this.#trained, await this.#backend.read(measures));
      } finally {
        this.#backend.dispose(measures);
      }
    } finally {
      for (const tensor of Object.values(schedules)) this.#backend.dispose(tensor);
    }
  }

  #forget(): void {
    for (const tensor of Object.values(this.#previous ?? {})) this.#backend.dispose(tensor);
    this.#previous = undefined;
  }

  /** Take the last step back, once: where it led to NaN or infinite numbers. @returns false without a step to take back */
  revert(): boolean {
    if (!this.#previous) return false;
    for (const tensor of Object.values(this.#tensors)) this.#backend.dispose(tensor);
    this.#tensors = this.#previous;
    this.#previous = undefined;
    this.#steps -= 1;
    this.#parameters = this.#current();
    return true;
  }

  /** The parameters as they are now. @param names of those to read; default all */
  async read(
    names: readonly string[] = Object.keys(this.#trained),
  ): Promise<Readonly<Record<string, ReadTensor>>> {
    const found: Record<string, ReadTensor> = {};
    for (const [name, { shape }] of Object.entries(this.#trained).filter(([each]) => names.includes(each)))
      found[name] = { shape, data: Float32Array.from(await this.#backend.read(this.#tensorOf(name))) };
    return found;
  }

  async dispose(): Promise<void> {
    this.#forget();
    for (const tensor of Object.values(this.#tensors)) this.#backend.dispose(tensor);
    this.#tensors = {};
    await this.#program.dispose();
  }
}
