// A checkpoint on a backend, ready to run plans.

import type { Architecture } from '../architectures/architecture.ts';
import { architectureOf, weightSources } from '../architectures/registry.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Backend, Program } from './backend.ts';
import { type ExecuteOptions, execute } from './execute.ts';
import type { Plan, ReadResult } from './plan.ts';
import { type Schedule, schedule } from './schedule.ts';
import { type WeightResidency, WeightStore } from './weights.ts';

export interface LoadOptions {
  readonly signal?: AbortSignal;
  readonly onBytes?: (done: number, total: number) => void;
  /** Bytes that weights may take while nothing runs; default 4 GiB. Decides the residency unless that is given. */
  readonly weightBytes?: number;
  readonly residency?: WeightResidency;
}

const defaultWeightBytes = 4 * 2 ** 30;

export class Model {
  readonly architecture: Architecture;
  readonly backend: Backend;
  readonly label: string;
  readonly residency: WeightResidency;
  /** Numbers in all weights, shared ones once. */
  readonly parameterCount: number;
  readonly #weights: WeightStore;
  readonly #programs = new Map<string, Promise<Program>>();

  private constructor(
    architecture: Architecture,
    backend: Backend,
    checkpoint: Checkpoint,
    weights: WeightStore,
    parameterCount: number,
  ) {
    this.architecture = architecture;
    this.backend = backend;
    this.label = checkpoint.label;
    this.#weights = weights;
    this.residency = weights.residency;
    this.parameterCount = parameterCount;
  }

  /**
   * Check a checkpoint against its architecture and load its weights. The checkpoint must stay open while the model is
   * used when weights are streamed.
   * @throws UnsupportedModelError when configuration and tensors do not fit an architecture that Patchbay knows
   */
  static async load(checkpoint: Checkpoint, backend: Backend, options: LoadOptions = {}): Promise<Model> {
    const architecture = architectureOf(checkpoint);
    const sources = weightSources(architecture);
    const tensors = new Map(
      sources.flatMap((source) => (source.kind === 'tensor' ? [[source.tensor, source.shape] as const] : [])),
    );
    const parameterCount = [...tensors.values()].reduce(
      (sum, shape) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    );
    const packedBytes = [...tensors.keys()].reduce(
      (sum, name) => sum + (checkpoint.tensors.get(name)?.sizeBytes ?? 0),
      0,
    );
    const budget = options.weightBytes ?? defaultWeightBytes;
    const fitting = parameterCount * 4 <= budget ? 'expanded' : packedBytes <= budget ? 'packed' : 'streamed';
    const weights = await WeightStore.open(backend, checkpoint, sources, {
      residency: options.residency ?? fitting,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onBytes ? { onBytes: options.onBytes } : {}),
    });
    return new Model(architecture, backend, checkpoint, weights, parameterCount);
  }

  /** What a plan would cost, without running it. @throws PlanError as `run` does */
  schedule(plan: Plan): Schedule {
    return schedule(this.architecture, plan);
  }

  /**
   * Run a plan.
   * @returns one result for each read, in order
   * @throws PlanError when the plan breaks a rule, before anything runs
   */
  async run(plan: Plan, options: ExecuteOptions = {}): Promise<readonly ReadResult[]> {
    const context = {
      architecture: this.architecture,
      backend: this.backend,
      weights: this.#weights,
      programs: this.#programs,
    };
    return execute(context, plan, this.schedule(plan), options);
  }

  /** Release weights and programs. The backend stays open. */
  async dispose(): Promise<void> {
    this.#weights.close();
    const programs = await Promise.allSettled(this.#programs.values());
    this.#programs.clear();
    for (const program of programs) if (program.status === 'fulfilled') await program.value.dispose();
  }
}
