// A checkpoint on a backend, ready to run plans.

import type { Architecture } from '../architectures/architecture.ts';
import { architectureOfWeights, weightSources } from '../architectures/registry.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type Backend, OutOfMemoryError } from './backends/backend.ts';
import { constantLimit, Programs } from './backends/programs.ts';
import { Turns } from './backends/turns.ts';
import {
  executeGradients,
  type GradientOptions,
  type GradientRequest,
} from './backward/gradientExecution.ts';
import { gradientRequest } from './backward/gradientRequest.ts';
import type { GradientPlan, GradientResult } from './backward/objective.ts';
import { type ExecuteContext, type ExecuteOptions, execute } from './forward/execute.ts';
import { halfTensors } from './forward/halfTensors.ts';
import { checkKeep, Keeper, type KeepRequest, keptEnds } from './forward/kept.ts';
import { type KeptStates, StatesKeeper } from './forward/keptStates.ts';
import { Decoder } from './generation/decoder.ts';
import type { GenerationRow } from './generation/request.ts';
import type { KeptRow } from './plan/keptRow.ts';
import { type Plan, PlanError, type Read, type ReadResult } from './plan/plan.ts';
import { schedule } from './plan/schedule.ts';
import type { Schedule } from './plan/scheduled.ts';
import { headStage } from './plan/stage.ts';
import { firstLayers, Rehearsal } from './rehearsal.ts';
import { expectHalf } from './weights/halfSupport.ts';
import {
  heldBytes,
  noRoomForWeights,
  type Placement,
  type Precision,
  placeWeights,
  unmappedNotice,
  type WeightResidency,
  type WeightSizes,
  weightSizes,
} from './weights/residency.ts';
import { type Room, sparing, wholeRoom } from './weights/room.ts';
import { WeightStore } from './weights/weights.ts';

export interface LoadOptions {
  readonly signal?: AbortSignal;
  readonly onBytes?: (done: number, total: number) => void;
  /** Bytes that weights may take while nothing runs; default 4 GiB. Decides the residency unless that is given. */
  readonly weightBytes?: number;
  readonly residency?: WeightResidency;
  /** Default float32. */
  readonly precision?: Precision;
  /** What a device had room for before; default all that the sizes allow. */
  readonly room?: Room;
  /** Called before weights are read, with the bytes that they will take while nothing runs. */
  readonly makeRoom?: (bytes: number) => Promise<void>;
  /**
   * For a device that compiles what it runs first: is given a model of the first layers as soon as their weights are there, to run
   * what will be run. Its graphs are this model's. The load does not wait for it; later runs take turns with it.
   */
  readonly rehearse?: (first: Model, signal: AbortSignal) => Promise<unknown>;
}

export interface Kept {
  readonly reads: readonly ReadResult[];
  /** By row of the plan. They live until they are disposed, and belong to this model's backend. */
  readonly rows: ReadonlyMap<number, KeptRow>;
  readonly dispose: () => void;
}

/** Bytes that weights may take while nothing runs, where nobody says. */
export const defaultWeightBytes = 4 * 2 ** 30;

/** Runs plans in place of the engine's own scheduler: a model whose graphs are not ours. */
export interface PlanRunner {
  /** @param schedule the plan, checked against the architecture; its `rowLayers` are the total of progress */
  run(plan: Plan, schedule: Schedule, options: ExecuteOptions): Promise<readonly ReadResult[]>;
  /** @throws PlanError where something on the way to what is wanted has no rule */
  gradients?(request: GradientRequest, options: GradientOptions): Promise<GradientResult>;
  dispose(): Promise<void>;
}

/** What is known of such a model. */
export interface RunnerModel extends Pick<Model, 'architecture' | 'backend' | 'label' | 'notices' | 'sizes'> {
  readonly fingerprint: string | undefined;
  readonly runner: PlanRunner;
  /** Why it runs no plans, in a sentence; absent where it does. */
  readonly noPlans?: string;
}

/** What a model and the one of its first layers have together. */
class Shared {
  readonly programs: Programs;
  /** Runs share weights that are brought in for one layer at a time. */
  readonly turns = new Turns();
  readonly rehearsal = new Rehearsal();

  constructor(backend: Backend) {
    this.programs = new Programs(undefined, constantLimit(backend));
  }
}

export class Model {
  readonly architecture: Architecture;
  readonly backend: Backend;
  readonly label: string;
  readonly sizes: WeightSizes;
  readonly residency: WeightResidency;
  /** Why weights are not simply expanded; undefined when they are, or when that was asked for. */
  readonly residencyReason: string | undefined;
  /** What it asks of a device that had no room for more. */
  readonly room: Room;
  /** What the layers' products with weights are computed in. */
  readonly precision: Precision;
  /** What a person should know of the files: a head that is not tied, tensors that are left alone. */
  readonly notices: readonly string[];
  /** Tells these weights from others under the same label; undefined where nothing can be said. */
  readonly fingerprint: string | undefined;
  /** Numbers in all weights, shared ones once. */
  readonly parameterCount: number;
  /** Its weights, or what runs it without. */
  readonly #engine: WeightStore | PlanRunner;
  readonly #noPlans: string | undefined;
  readonly #shared: Shared;
  readonly #states = new Set<KeptStates>();

  private constructor(
    architecture: Architecture,
    backend: Backend,
    label: string,
    engine: WeightStore | PlanRunner,
    sizes: WeightSizes,
    { residency, reason, room = wholeRoom }: Placement & { readonly room?: Room },
    { notices, fingerprint, noPlans }: Pick<RunnerModel, 'notices' | 'fingerprint' | 'noPlans'>,
    shared = new Shared(backend),
  ) {
    this.#shared = shared;
    this.#noPlans = noPlans;
    this.notices = notices;
    this.fingerprint = fingerprint;
    this.architecture = architecture;
    this.backend = backend;
    this.label = label;
    this.#engine = engine;
    this.sizes = sizes;
    this.residency = residency;
    this.residencyReason = reason;
    this.room = room;
    this.precision = sizes.precision ?? 'float32';
    this.parameterCount = sizes.parameterCount;
  }

  /**
   * Check a checkpoint against its architecture and load its weights. The checkpoint must stay open while the model is
   * used when weights are streamed.
   * @throws BackendError when the model is too large to run on this backend, or it does not compute in float16, before
   *         weights are read
   * @throws UnsupportedModelError when configuration and tensors do not fit an architecture that Patchbay knows
   */
  static async load(checkpoint: Checkpoint, backend: Backend, options: LoadOptions = {}): Promise<Model> {
    const { architecture, notices } = await architectureOfWeights(checkpoint, options.signal);
    const isHalf = options.precision === 'float16';
    if (isHalf) expectHalf(backend);
    const half = isHalf ? halfTensors(architecture) : new Set<string>();
    const sizes = weightSizes(architecture, checkpoint, half);
    const { room = wholeRoom } = options;
    const bySize = options.residency
      ? { residency: options.residency }
      : placeWeights(checkpoint.label, sizes, backend, options.weightBytes ?? defaultWeightBytes);
    const placement = { ...bySize, residency: sparing(bySize.residency, room.residency), room };
    await options.makeRoom?.(heldBytes(sizes, placement.residency));
    const shared = new Shared(backend);
    const { rehearsal } = shared;
    const { rehearse } = options;
    const begun = rehearse && firstLayers(architecture);
    const early = begun && {
      sources: weightSources(begun),
      begin: (store: WeightStore) => {
        const about = { notices: [], fingerprint: undefined };
        const first = new Model(begun, backend, checkpoint.label, store, sizes, placement, about, shared);
        rehearsal.begin((signal) => rehearse(first, signal));
      },
      check: () => rehearsal.check(),
      end: () => rehearsal.end(),
    };
    const weights = await WeightStore.open(backend, checkpoint, weightSources(architecture), {
      residency: placement.residency,
      half,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onBytes ? { onBytes: options.onBytes } : {}),
      ...(early ? { early } : {}),
    }).catch(async (error: unknown) => {
      await shared.programs.dispose();
      if (!(error instanceof OutOfMemoryError)) throw error;
      const isAsked = options.residency !== undefined;
      throw noRoomForWeights(checkpoint.label, sizes, placement.residency, isAsked, error);
    });
    const names = weightSources(architecture).flatMap((each) =>
      each.kind === 'tensor' ? [each.tensor] : [],
    );
    const unmapped =
      placement.residency === 'packed' ? unmappedNotice(new Set(names), checkpoint, backend) : undefined;
    const all = [...(checkpoint.notices ?? []), ...notices, ...(unmapped === undefined ? [] : [unmapped])];
    const fingerprint = await checkpoint.fingerprint?.(options.signal).catch(async (error: unknown) => {
      await rehearsal.end();
      weights.close();
      await shared.programs.dispose();
      throw error;
    });
    const about = { notices: all, fingerprint };
    return new Model(architecture, backend, checkpoint.label, weights, sizes, placement, about, shared);
  }

  /** A model whose plans something else runs. It keeps no rows and generates no text, and has the gradients that its runner gives. */
  static over({ architecture, backend, label, sizes, runner, ...about }: RunnerModel): Model {
    const placement = { residency: 'packed' } as const;
    return new Model(architecture, backend, label, runner, sizes, placement, about);
  }

  /** Where trainings on it keep the graphs of their steps, released with it. */
  get programs(): Programs {
    return this.#shared.programs;
  }

  /** Of what `rehearse` does: when it is done, well or badly, and how to end it before. */
  get rehearsal(): Pick<Rehearsal, 'over' | 'end'> {
    return this.#shared.rehearsal;
  }

  /** Whether its graphs are a file's own: it asks for as much of a device whatever its room. */
  get isImported(): boolean {
    return !(this.#engine instanceof WeightStore);
  }

  /** Bytes that the weights take while nothing runs. */
  get heldBytes(): number {
    return heldBytes(this.sizes, this.residency);
  }

  /**
   * The same model in float32 on the same device, for a few rows: of a model in float16, whose deviation it measures. Each
   * layer's weights are read and brought in when it runs. It must be disposed, and this one not before it.
   */
  inFull(): Model {
    const { architecture, backend, label, sizes, room, notices, fingerprint } = this;
    if (!(this.#engine instanceof WeightStore))
      throw new PlanError(`${label} is computed in float32 already.`);
    const { precision: _, ...full } = sizes;
    const placement = { residency: 'streamed', room } as const;
    return new Model(architecture, backend, label, this.#engine.inFull(), full, placement, {
      notices,
      fingerprint,
    });
  }

  /** What a plan would cost, without running it. @throws PlanError as `run` does */
  schedule(plan: Plan): Schedule {
    if (this.#noPlans !== undefined) throw new PlanError(this.#noPlans);
    return schedule(this.architecture, plan);
  }

  /**
   * Run a plan, after those that were asked for before.
   * @returns one result for each read, in order
   * @throws PlanError when the plan breaks a rule, before anything runs
   */
  async run(plan: Plan, options: ExecuteOptions = {}): Promise<readonly ReadResult[]> {
    const scheduled = this.schedule(plan);
    const engine = this.#engine;
    if (!(engine instanceof WeightStore)) return this.#turn(() => engine.run(plan, scheduled, options));
    return this.#turn(() => execute(this.#context, scheduled, options));
  }

  /**
   * Run a plan as `run` does, and keep rows of it, so that those of later plans can fork from them.
   * @throws PlanError when the plan breaks a rule, or a row cannot be kept, before anything runs
   */
  async keep(plan: Plan, request: KeepRequest, options: ExecuteOptions = {}): Promise<Kept> {
    const scheduled = schedule(this.architecture, plan, keptEnds(this.architecture, request));
    checkKeep(this.architecture, request, scheduled);
    const keeper = new Keeper(this.backend, this.architecture, request);
    try {
      const reads = await this.#turn(() => execute(this.#context, scheduled, options, keeper));
      // What a device refuses is said where it is waited for: here, and not to whoever uses the rows.
      if (reads.length === 0) await this.backend.caughtUp?.();
      return { reads, rows: keeper.rows(scheduled), dispose: () => keeper.dispose() };
    } catch (error) {
      keeper.dispose();
      throw error;
    }
  }

  /** Whether rows of it can begin at states that were kept: not those of an encoder-decoder, or of a model that was imported. */
  get keepsStates(): boolean {
    return this.#engine instanceof WeightStore && this.architecture.encoder === undefined;
  }

  /**
   * Run a prompt as it is and keep all of its states, so that rows of it in later plans can begin at any layer and position.
   * What is still kept when the model is disposed goes with it.
   * @param reads of row 0
   * @throws PlanError where the model keeps none, and as `run` does
   */
  async keepStates(
    tokens: readonly number[],
    reads: readonly Read[] = [],
    options: ExecuteOptions = {},
  ): Promise<{ readonly reads: readonly ReadResult[]; readonly states: KeptStates }> {
    const { architecture } = this;
    if (!this.keepsStates)
      throw new PlanError(`Rows of ${this.label} cannot be kept, so they begin at their tokens. Run them.`);
    const last = headStage(architecture) - 1;
    const plan = { rows: [{ start: { kind: 'tokens' as const, tokens }, edits: [] }], reads };
    const scheduled = schedule(architecture, plan, new Map([[0, last]]));
    const keeper = new StatesKeeper(this.backend, architecture, tokens.length);
    try {
      const found = await this.#turn(() => execute(this.#context, scheduled, options, keeper));
      const states: KeptStates = {
        length: keeper.length,
        bytes: keeper.bytes,
        rowAt: (layer, position) => keeper.rowAt(layer, position),
        dispose: () => {
          this.#states.delete(states);
          keeper.dispose();
        },
      };
      this.#states.add(states);
      return { reads: found, states };
    } catch (error) {
      keeper.dispose();
      throw error;
    }
  }

  /**
   * Run prompts and keep what their continuations need. The decoder takes its turn among other runs at each step, and must
   * be disposed before the model.
   * @returns a decoder, and for each row the logits of its last position, [vocabulary]
   * @throws PlanError when a prompt or an edit does not fit the model, before anything runs
   */
  async decode(
    rows: readonly GenerationRow[],
    options: ExecuteOptions = {},
  ): Promise<{ readonly decoder: Decoder; readonly logits: readonly Float32Array[] }> {
    this.#expectFull('Text is');
    return Decoder.start({ context: this.#context, take: (work) => this.#turn(work) }, rows, options);
  }

  #expectFull(what: string): void {
    if (this.precision === 'float16')
      throw new PlanError(
        `${this.label} was opened in float16, and it is for sweeps. ${what} computed in float32: open the model so.`,
      );
  }

  /** Between runs no program is in use, so that those above the limit can go. */
  #turn<T>(work: () => Promise<T>): Promise<T> {
    const { turns, programs } = this.#shared;
    return turns.take(async () => {
      await programs.trim();
      return work();
    });
  }

  get #context(): ExecuteContext {
    const { architecture, backend } = this;
    const engine = this.#engine;
    if (!(engine instanceof WeightStore))
      throw new PlanError(
        `${this.label} was brought as ONNX: it can be run under edits and differentiated, and keeps no rows and generates no text here.`,
      );
    const { batchShare } = this.room;
    return { architecture, backend, weights: engine, programs: this.programs, batchShare };
  }

  /**
   * Differentiate an objective over the rows of a plan.
   * @returns the objective, what was read on the way, and the gradients at the places and of the parameters asked for
   * @throws PlanError when the plan breaks a rule, or asks for what cannot be differentiated, before anything runs
   */
  async gradients(plan: GradientPlan, options: GradientOptions = {}): Promise<GradientResult> {
    if (this.#noPlans !== undefined) throw new PlanError(this.#noPlans);
    const request = gradientRequest(this.architecture, plan);
    const engine = this.#engine;
    const ofRunner = engine instanceof WeightStore ? undefined : engine.gradients?.bind(engine);
    if (ofRunner) return this.#turn(() => ofRunner(request, options));
    this.#expectFull('Gradients are');
    return this.#turn(() => executeGradients(this.#context, request, options));
  }

  /** Release weights and programs. The backend stays open. */
  async dispose(): Promise<void> {
    await this.#shared.rehearsal.end();
    for (const states of this.#states) states.dispose();
    if (this.#engine instanceof WeightStore) this.#engine.close();
    else await this.#engine.dispose();
    await this.programs.dispose();
  }
}
