// Parameters in training: they and the moments of their optimiser stay on the device from step to step, and a step is one
// graph. WebGPU cannot write where it reads, so each step makes new tensors and frees the old.

import { momentNames, type OptimizerSettings, scheduleOf, scheduleWidth } from '../../autodiff/optimizers.ts';
import { orthonormalGap } from '../../autodiff/orthonormal.ts';
import { type Backend, type DeviceTensor, elementCount, type Program } from '../backends/backend.ts';
import { Programs } from '../backends/programs.ts';
import { type Fragment, PlanError, type ReadTensor } from '../plan/plan.ts';
import {
  completionName,
  measuresOf,
  type ParameterMeasures,
  stepGraph,
  type Trained,
  type TrainedParameter,
  vectorsName,
} from './stepGraph.ts';

/** Further from orthonormal than float32 can be: the numbers are not meant so. */
const widestGap = 1e-4;

/** @param data what it begins with here, after steps of an earlier training or none */
function check(
  name: string,
  { data: start, shape, isOrthonormal = false, completion }: TrainedParameter,
  data: Float32Array,
): void {
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
  if (!completion) return;
  if (columns === rows)
    throw new PlanError(
      `The parameter '${name}' has as many columns as rows, and Householder vectors are for fewer. Train it without 'completion'.`,
    );
  const begins = start.every((x, at) => completion[Math.floor(at / columns) * rows + (at % columns)] === x);
  if (completion.length !== rows * rows || !begins)
    throw new PlanError(
      `The completion of the parameter '${name}' must be a matrix [${rows}, ${rows}] that begins with its columns.`,
    );
}

/** What is kept of a parameter from step to step beside its numbers, in its shape and zero at the start: by name, in words. */
const keptNames = (
  name: string,
  { completion }: TrainedParameter,
  settings: OptimizerSettings,
): readonly (readonly [string, string])[] => [
  ...(completion ? [[vectorsName(name), 'Householder vectors'] as const] : []),
  ...momentNames(settings).map((moment) => [`${name}.${moment}`, `${moment} moment`] as const),
];

/** What a step's graph is decided by, and nothing of its numbers. */
const keyOf = (trained: Trained, settings: OptimizerSettings, clip: number | undefined): string =>
  JSON.stringify([
    'step',
    settings,
    clip ?? null,
    Object.entries(trained).map(([name, { shape, isOrthonormal = false, completion }]) => [
      name,
      shape,
      isOrthonormal,
      completion !== undefined,
    ]),
  ]);

export interface TrainerOptions {
  /**
   * The most that all gradients of a step may be long together; of orthonormal columns their part in the tangent, or those of
   * their Householder vectors.
   */
  readonly clip?: number;
  /** Where its graph is kept, so that a later training of the same shapes compiles none; default it is its own. */
  readonly programs?: Programs;
  /** What `snapshot` gave of a trainer of the same parameters and optimiser: training goes on from there. */
  readonly from?: TrainerSnapshot;
}

/** Everything that the next step depends on but its gradients. */
export interface TrainerSnapshot {
  readonly steps: number;
  /** Parameters by their names, `NAME.first` and so on for the moments of the optimiser, and `NAME.vectors`. */
  readonly numbers: Readonly<Record<string, Float32Array>>;
}

export class Trainer {
  readonly #backend: Backend;
  readonly #trained: Trained;
  readonly #settings: OptimizerSettings;
  readonly #programs: Programs;
  /** Released with it. */
  readonly #hasOwnPrograms: boolean;
  readonly #clip: number | undefined;
  /** By parameter: what its columns follow from, beside the vectors that are trained. */
  readonly #completions: Readonly<Record<string, DeviceTensor>>;
  /** Parameters, moments and vectors by the names of the graph's inputs. */
  #tensors: Readonly<Record<string, DeviceTensor>>;
  /** The previous ones, until the next one. */
  #previous: Readonly<Record<string, DeviceTensor>> | undefined;
  #parameters: Fragment['parameters'];
  #steps: number;

  private constructor(
    backend: Backend,
    trained: Trained,
    settings: OptimizerSettings,
    { from, clip, programs }: TrainerOptions,
  ) {
    this.#backend = backend;
    this.#trained = trained;
    this.#settings = settings;
    this.#clip = clip;
    this.#hasOwnPrograms = programs === undefined;
    this.#programs = programs ?? new Programs();
    const tensors: Record<string, DeviceTensor> = {};
    const completions: Record<string, DeviceTensor> = {};
    for (const [name, parameter] of Object.entries(trained)) {
      const { data, shape, completion } = parameter;
      const start = (of: string, fresh: Float32Array) => {
        tensors[of] = backend.upload(Float32Array.from(from?.numbers[of] ?? fresh), shape);
      };
      start(name, data);
      for (const [kept] of keptNames(name, parameter, settings)) start(kept, new Float32Array(data.length));
      const [rows = 0] = shape;
      if (completion) completions[name] = backend.upload(Float32Array.from(completion), [rows, rows]);
    }
    this.#tensors = tensors;
    this.#completions = completions;
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
      check(name, parameter, from?.numbers[name] ?? parameter.data);
      for (const [kept, words] of keptNames(name, parameter, settings)) {
        const length = from?.numbers[kept]?.length ?? (from ? 0 : parameter.data.length);
        if (length !== parameter.data.length)
          throw new PlanError(
            `The state of a training has ${length} numbers as the ${words} of '${name}'; it needs ${parameter.data.length}. Begin the training anew.`,
          );
      }
    }
    const trainer = new Trainer(backend, trained, settings, options);
    try {
      await trainer.#program();
    } catch (error) {
      await trainer.dispose();
      throw error;
    }
    return trainer;
  }

  /** Asked for at each step: between two, a store releases what was not used for longest. */
  #program(): Promise<Program> {
    const key = keyOf(this.#trained, this.#settings, this.#clip);
    return this.#programs.get(key, () =>
      this.#backend.compile(stepGraph(this.#trained, this.#settings, this.#clip)),
    );
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
      // A parameter that follows from vectors is no input.
      const read = Object.entries(this.#tensors).filter(([name]) => !this.#completions[name]);
      const completions = Object.entries(this.#completions).map(
        ([name, tensor]) => [completionName(name), tensor] as const,
      );
      const program = await this.#program();
      const { measures, ...next } = await program.run({
        ...Object.fromEntries([...read, ...completions]),
        ...given,
        ...schedules,
      });
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
    for (const tensor of [...Object.values(this.#tensors), ...Object.values(this.#completions)])
      this.#backend.dispose(tensor);
    this.#tensors = {};
    if (this.#hasOwnPrograms) await this.#programs.dispose();
  }
}
