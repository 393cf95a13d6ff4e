// A checkpoint on a backend, ready to run plans.

import type { Architecture } from '../architectures/architecture.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Backend } from './backends/backend.ts';
import type { Programs } from './backends/programs.ts';
import {
  executeGradients,
  type GradientOptions,
  type GradientRequest,
} from './backward/gradientExecution.ts';
import { gradientRequest } from './backward/gradientRequest.ts';
import type { GradientPlan, GradientResult } from './backward/objective.ts';
import { type ExecuteContext, type ExecuteOptions, execute } from './forward/execute.ts';
import { checkKeep, Keeper, type KeepRequest, keptEnds } from './forward/kept.ts';
import { type KeptStates, StatesKeeper } from './forward/keptStates.ts';
import { Decoder } from './generation/decoder.ts';
import type { GenerationRow } from './generation/request.ts';
import { type LoadRequest, loadParts, type ModelParts, Shared } from './load.ts';
import type { KeptRow } from './plan/keptRow.ts';
import { type Plan, PlanError, type Read, type ReadResult } from './plan/plan.ts';
import { schedule } from './plan/schedule.ts';
import type { Schedule } from './plan/scheduled.ts';
import { headStage } from './plan/stage.ts';
import type { Rehearsal } from './rehearsal.ts';
import { heldBytes, type Precision, type WeightResidency, type WeightSizes } from './weights/residency.ts';
import { type Room, wholeRoom } from './weights/room.ts';
import { WeightStore } from './weights/weights.ts';

export type LoadOptions = LoadRequest<Model>;

export interface Kept {
  readonly reads: readonly ReadResult[];
  /** By row of the plan. They live until they are disposed, and belong to this model's backend. */
  readonly rows: ReadonlyMap<number, KeptRow>;
  readonly dispose: () => void;
}

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
  /** It is made of the first layers of another, whose weights arrive. */
  readonly #isRehearsing: boolean;
  readonly #states = new Set<KeptStates>();

  private constructor(parts: ModelParts<WeightStore | PlanRunner> & Pick<RunnerModel, 'noPlans'>) {
    this.architecture = parts.architecture;
    this.backend = parts.backend;
    this.label = parts.label;
    this.sizes = parts.sizes;
    this.residency = parts.residency;
    this.residencyReason = parts.reason;
    this.room = parts.room ?? wholeRoom;
    this.precision = parts.sizes.precision ?? 'float32';
    this.notices = parts.notices;
    this.fingerprint = parts.fingerprint;
    this.parameterCount = parts.sizes.parameterCount;
    this.#engine = parts.engine;
    this.#noPlans = parts.noPlans;
    this.#shared = parts.shared ?? new Shared(parts.backend);
    this.#isRehearsing = parts.isRehearsing ?? false;
  }

  /**
   * Check a checkpoint against its architecture and load its weights. The checkpoint must stay open while the model is
   * used: streamed weights are read from it at each run, and of a model in float16 so are those of `inFull`.
   * @throws UnsupportedModelError when configuration and tensors do not fit an architecture that Patchbay knows
   * @throws BackendError when the model is too large to run on this backend, or it does not compute in float16, before weights
   *         are read; when a weight holds what float16 cannot say; when the device refuses something of them
   * @throws OutOfMemoryError when the device has no room for the weights: `lessRoom` says what to ask for next, of another
   * @throws DeviceLostError when the device is lost meanwhile
   * @throws the signal's reason when it is aborted; nothing is left behind then, nor after an error
   */
  static async load(checkpoint: Checkpoint, backend: Backend, options: LoadOptions = {}): Promise<Model> {
    const modelOf = (parts: ModelParts) => new Model(parts);
    return new Model(await loadParts(checkpoint, backend, options, modelOf));
  }

  /** A model whose plans something else runs. It keeps no rows and generates no text, and has the gradients that its runner gives. */
  static over({ runner, ...about }: RunnerModel): Model {
    return new Model({ ...about, engine: runner, residency: 'packed' });
  }

  /**
   * Where a training on it keeps the graphs of its steps, released with it. A rehearsal ends before: a training allocates on the
   * device between the model's turns, and what is refused of that is told once.
   */
  async trainingPrograms(): Promise<Programs> {
    await this.#shared.rehearsal.end();
    return this.#shared.programs;
  }

  /** Of what `rehearse` does: when it is done, well or badly, how to end it before, and whether the device had no room for it. */
  get rehearsal(): Pick<Rehearsal, 'over' | 'end' | 'hadNoRoom'> {
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
   * layer's weights are brought in when it runs, from what this one holds in float32 or packed, else from the checkpoint. It
   * must be disposed, and this one not before it.
   * @throws PlanError for a model that was brought as ONNX
   */
  inFull(): Model {
    const { architecture, backend, label, sizes, room, notices, fingerprint } = this;
    if (!(this.#engine instanceof WeightStore))
      throw new PlanError(`${label} is computed in float32 already.`);
    const { precision: _, ...full } = sizes;
    const about = {
      architecture,
      backend,
      label,
      room,
      notices,
      fingerprint,
      residency: 'streamed',
    } as const;
    return new Model({ ...about, sizes: full, engine: this.#engine.inFull() });
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
      const reads = await this.#keeping(scheduled, options, keeper);
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
      const found = await this.#keeping(scheduled, options, keeper);
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

  /** What a device refuses is said where it is waited for: here, and not to whoever uses the rows. */
  #keeping(
    scheduled: Schedule,
    options: ExecuteOptions,
    keeper: Keeper | StatesKeeper,
  ): Promise<readonly ReadResult[]> {
    return this.#turn(async () => {
      const reads = await execute(this.#context, scheduled, options, keeper);
      if (reads.length === 0) await this.backend.caughtUp?.();
      return reads;
    });
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
    const { turns, programs, rehearsal } = this.#shared;
    return turns.take(async () => {
      // A run of it that outlasted the load may have heard what was refused of a weight.
      if (!this.#isRehearsing) rehearsal.check();
      await programs.trim();
      return this.#isRehearsing ? rehearsal.hear(work) : work();
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
    return { architecture, backend, weights: engine, programs: this.#shared.programs, batchShare };
  }

  /**
   * Differentiate an objective over the rows of a plan. A rehearsal ends before: a training works on the device between its turns
   * too, and what is refused of that is told once.
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
    await this.#shared.rehearsal.end();
    return this.#turn(() => executeGradients(this.#context, request, options));
  }

  /** Release weights and programs. The backend stays open. */
  async dispose(): Promise<void> {
    await this.#shared.rehearsal.end();
    for (const states of this.#states) states.dispose();
    if (this.#engine instanceof WeightStore) this.#engine.close();
    else await this.#engine.dispose();
    await this.#shared.programs.dispose();
  }
}
