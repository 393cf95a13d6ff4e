// Runs a schedule, layer by layer: all rows alive at a layer pass through it in batches, then move to the next. What
// rows need of each other (states at a fork, keys and values, sources of edits) is handed over on the device.

import type { Architecture } from '../../architectures/architecture.ts';
import { Arena } from '../backends/arena.ts';
import type { Backend, DeviceTensor } from '../backends/backend.ts';
import type { Programs } from '../backends/programs.ts';
import type { ReadResult } from '../plan/plan.ts';
import type { Schedule } from '../plan/scheduled.ts';
import { describeComponent } from '../plan/sites.ts';
import { partAt, type StackStage, stackNames } from '../plan/stacks.ts';
import { embedStage, headStage, type Stage } from '../plan/stage.ts';
import type { BoundWeights, WeightStore } from '../weights/weights.ts';
import { Captures } from './captures.ts';
import { type PreparedEdits, prepareEdits } from './editGroups.ts';
import { type Entered, type Entrance, enterHead, enterLayer, reachAt } from './entering.ts';
import { Fetches } from './fetches.ts';
import { handsStates } from './handedStates.ts';
import { Lookup } from './lookup.ts';
import { partProgram } from './partProgram.ts';
import { batchesOf, PartialReads, type Passing } from './passing.ts';
import type { BatchSizes, PlacedRow } from './placedRow.ts';
import type { RowKeeper } from './rowKeeper.ts';
import { type PastPool, States } from './states.ts';
import { groupTaps, memberResult, type TapGroup, type TapRequest, tapInputs } from './taps.ts';
import type { VariantSlots } from './variant.ts';

export interface ExecuteContext {
  readonly architecture: Architecture;
  readonly backend: Backend;
  readonly weights: WeightStore;
  /** Compiled variants, kept from run to run. */
  readonly programs: Programs;
  /** Of a batch as the backend would have it, where a device had no room for whole ones. */
  readonly batchShare: number;
}

export interface ExecuteOptions {
  /** Stops between batches; everything is freed and the run rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** A row passing a layer counts one. The total is constant. */
  readonly onProgress?: (rowLayersDone: number, rowLayersTotal: number) => void;
  /** Each read's result as soon as it is there. */
  readonly onRead?: (index: number, result: ReadResult) => void;
}

/** A batch as it passed a stage: enough to compute it again. Whoever takes it lets its inputs go. */
export interface BatchRecord extends StackStage {
  readonly placed: readonly PlacedRow[];
  readonly sizes: BatchSizes;
  /** All but the weights. */
  readonly inputs: Readonly<Record<string, DeviceTensor>>;
  readonly edits: Pick<PreparedEdits, 'slots' | 'groups'>;
  readonly past?: PastPool;
}

/** Takes down the batches of a run that will be computed again. */
export interface Recorder {
  /** The first of the plan's reads are answered; the others only keep rows alive and bring positions to the head. */
  readonly answeredReads: number;
  readonly wants: (row: number, stage: Stage) => boolean;
  readonly take: (record: BatchRecord) => void;
}

const rowsOf = (batch: readonly Passing[]): readonly number[] => batch.map(({ row }) => row);

export async function execute(
  context: ExecuteContext,
  schedule: Schedule,
  options: ExecuteOptions,
  keeper?: RowKeeper,
): Promise<readonly ReadResult[]> {
  const execution = new Execution(context, schedule, options, undefined, keeper);
  try {
    return await execution.run();
  } finally {
    execution.arena.disposeAll();
  }
}

export class Execution {
  readonly arena: Arena;
  readonly lookup: Lookup;
  readonly #context: ExecuteContext;
  readonly #recorder: Recorder | undefined;
  readonly #keeper: RowKeeper | undefined;
  readonly #options: ExecuteOptions;
  readonly #captures: Captures;
  readonly #fetches: Fetches;
  readonly #states: States;
  readonly #entrance: Entrance;
  readonly #results: (ReadResult | undefined)[];
  readonly #partial = new PartialReads();
  readonly #head: Stage;
  #done = 0;

  constructor(
    context: ExecuteContext,
    schedule: Schedule,
    options: ExecuteOptions,
    recorder?: Recorder,
    keeper?: RowKeeper,
  ) {
    this.#keeper = keeper;
    this.arena = new Arena(context.backend);
    this.#context = context;
    // A backward pass, and what outlives the run, go by what entered a recurrence.
    const isPassing = !recorder && !keeper;
    const { backend, batchShare } = context;
    this.lookup = new Lookup(
      context.architecture,
      schedule,
      isPassing &&
        handsStates(context.architecture, schedule, { batchBytes: batchShare * backend.batchBytes }),
    );
    this.#recorder = recorder;
    this.#options = options;
    this.#captures = new Captures(this.arena);
    this.#fetches = new Fetches(this.arena);
    this.#states = new States(this.arena, this.lookup);
    this.#entrance = {
      ...context,
      arena: this.arena,
      lookup: this.lookup,
      states: this.#states,
      isRecorded: recorder !== undefined,
    };
    this.#results = schedule.reads.slice(0, recorder?.answeredReads).map(() => undefined);
    this.#head = headStage(context.architecture);
  }

  async run(): Promise<readonly ReadResult[]> {
    this.#options.onProgress?.(0, this.lookup.schedule.rowLayers);
    for (let stage = embedStage; stage <= this.#head; stage++) {
      this.#states.fork(stage);
      // What the decoder's layers read of the encoder's rows is made before they run.
      for (const stack of stackNames) await this.#runStage({ stack, stage });
      for (const row of this.lookup.waitingAt(stage)) this.#states.wait(row);
      this.#captures.release(stage);
      this.#states.advance();
      if (this.#options.onRead) await this.#fetches.all();
    }
    await this.#fetches.all();
    return this.#results.map((result, index) => {
      if (!result) throw new Error(`Read ${index} was never reached.`);
      return result;
    });
  }

  async #runStage(at: StackStage): Promise<void> {
    const { stack, stage } = at;
    const placed = partAt(this.#context.architecture, at);
    const alive = this.lookup.rowsAt(at);
    if (!placed || alive.length === 0) return;
    const { longest, rowLayers } = this.lookup.schedule;
    const rankOf = (row: number) => this.lookup.row(row).rank;
    const ranks = [...new Set(alive.map(rankOf))].sort((a, b) => a - b);
    // Whose keys and values must be kept, and who goes on, is the same for all batches of the stage. The head has none.
    const readers =
      stage === this.#head ? [] : stackNames.flatMap((each) => this.lookup.rowsAt({ stack: each, stage }));
    const owners = new Set(readers.flatMap((row) => this.lookup.ownersOf(row, stage)));
    const goingOn = this.lookup.goingOn(stage);
    const limits = { lookup: this.lookup, isRecorded: this.#recorder !== undefined };
    await this.#context.weights.with(
      placed.part.weights,
      longest[stack],
      this.#options.signal,
      async (weights) => {
        for (const rank of ranks) {
          const rows = alive.filter((row) => rankOf(row) === rank);
          for (const batch of batchesOf(rows, stage, this.#context, limits)) {
            this.#options.signal?.throwIfAborted();
            const keeps = (set: ReadonlySet<number>) => batch.some(({ row }) => set.has(row));
            await this.#runBatch(at, batch, weights, {
              keepsPresent: keeps(owners) || (this.#keeper?.wantsPresent(rowsOf(batch), stage) ?? false),
              keepsHidden: keeps(goingOn),
            });
            if (stage === embedStage || stage === this.#head) continue;
            this.#done += batch.length;
            this.#options.onProgress?.(this.#done, rowLayers);
          }
        }
      },
    );
  }

  async #runBatch(
    at: StackStage,
    batch: readonly Passing[],
    weights: BoundWeights,
    keeps: Pick<VariantSlots, 'keepsPresent' | 'keepsHidden'>,
  ): Promise<void> {
    const { stage } = at;
    const { architecture, backend } = this.#context;
    const recorder = this.#recorder;
    const entered =
      stage === this.#head
        ? enterHead(this.#entrance, batch)
        : enterLayer(this.#entrance, at, rowsOf(batch), keeps.keepsPresent);
    const paddedSize = (size: number) => backend.paddedSize(size);
    this.#keeper?.takeHidden(entered.placed, stage, entered.inputs.hidden);
    const edits = prepareEdits(entered.placed, {
      arena: this.arena,
      captures: this.#captures,
      sizes: entered.sizes,
      paddedSize,
      describe: (component) => describeComponent(architecture, component),
    });
    const taps = groupTaps(entered.placed.flatMap((row) => this.#tapsOf(row, stage)));
    const tapUnits = tapInputs(taps, this.arena, paddedSize);
    const slots: VariantSlots = {
      edits: edits.slots,
      taps: taps.map((group) => group.slot),
      hasPast: entered.past !== undefined,
      ...keeps,
      ...reachAt(this.#entrance, at, entered),
      ...(this.lookup.handsStates && stage !== embedStage && stage !== this.#head
        ? { handsStates: true }
        : {}),
      ...(backend.runsDynamic ? { isDynamic: true } : {}),
    };
    if (taps.length > 0 || slots.keepsPresent || slots.keepsHidden) {
      const program = await partProgram(this.#context, at, slots);
      const inputs = { ...weights, ...entered.inputs, ...edits.inputs, ...tapUnits };
      const outputs = this.arena.own(await program.run(inputs));
      this.#takeStates(entered, outputs, stage);
      this.#keeper?.takePresent(entered.placed, stage, outputs);
      await this.#takeTaps(entered, taps, outputs);
    }
    if (recorder && batch.some(({ row }) => recorder.wants(row, stage))) {
      const { placed, sizes, past } = entered;
      const inputs = { ...entered.inputs, ...edits.inputs };
      for (const tensor of Object.values(inputs)) this.arena.keep(tensor);
      recorder.take({ ...at, placed, sizes, inputs, edits, ...(past ? { past } : {}) });
    }
    for (const tensor of [...entered.temporary, ...edits.temporary, ...Object.values(tapUnits)])
      this.arena.dispose(tensor);
  }

  #tapsOf(placed: PlacedRow, stage: Stage): readonly TapRequest[] {
    const { architecture } = this.#context;
    const answered = this.lookup
      .readsAt(placed.row, stage)
      .filter(({ index }) => index < this.#results.length);
    const reads = answered.flatMap(({ index, read }): readonly TapRequest[] => {
      const { target, reduction } = read;
      const component = describeComponent(architecture, read.site.component);
      // A piece of a row answers for its own positions.
      const isHere = (position: number) => stage !== this.#head || placed.tokenOf(position) !== undefined;
      const location = { ...target, positions: target.positions.filter(isHere) };
      if (location.positions.length === 0 && target.positions.length > 0) return [];
      const common = { target: { kind: 'read', index }, placed, component, location } as const;
      return [{ ...common, ...(reduction ? { reduction } : {}) }];
    });
    const captures = this.lookup.capturesAt(placed.row, stage).map((request): TapRequest => {
      const component = describeComponent(architecture, request.component);
      const heads = Array.from({ length: component.heads ?? 0 }, (_, head) => head);
      const location = { positions: request.positions, ...(component.layout === 'token' ? {} : { heads }) };
      return { target: { kind: 'capture', request }, placed, component, location };
    });
    return [...reads, ...captures];
  }

  #takeStates(
    { placed, sizes }: Entered,
    outputs: Readonly<Record<string, DeviceTensor>>,
    stage: Stage,
  ): void {
    const { out, 'present.keys': keys, 'present.values': values } = outputs;
    const { handsStates } = this.lookup;
    const kept = (keys?.shape[0] ?? 0) / sizes.rows;
    for (const { row, place, first, tokenOf } of placed) {
      const at = tokenOf(first) ?? 0;
      if (out) this.#states.leave(row, out, at);
      if (!keys || !values) continue;
      const forks = handsStates ? this.lookup.forkPositions(row, stage) : undefined;
      this.#states.keep(row, { keys, values, ...(forks ? { at: place * kept, forks } : { at }) });
    }
  }

  async #takeTaps(
    entered: Entered,
    taps: readonly TapGroup[],
    outputs: Readonly<Record<string, DeviceTensor>>,
  ): Promise<void> {
    for (const [index, group] of taps.entries()) {
      const prefix = `tap${index}.`;
      const named = Object.entries(outputs).filter(([name]) => name.startsWith(prefix));
      const tensors = named.map(([name, tensor]) => [name.slice(prefix.length), tensor] as const);
      if (group.kind === 'capture' && group.slot.layout !== 'pair')
        this.#captures.keep(group, tensors[0]?.[1]);
      else await this.#fetch(group, tensors, entered.sizes);
    }
  }

  async #fetch(
    group: TapGroup,
    tensors: readonly (readonly [string, DeviceTensor])[],
    sizes: BatchSizes,
  ): Promise<void> {
    await this.#fetches.take(Object.fromEntries(tensors), (fetched) => {
      for (const member of group.members) {
        const part = memberResult(fetched, group, member, sizes);
        if (member.target.kind === 'capture') {
          this.#captures.keepPairs(member.target.request, part.value);
          continue;
        }
        const { index } = member.target;
        const read = this.lookup.schedule.reads[index];
        const result = read && this.#partial.take(index, read, member, part);
        if (!result) continue;
        this.#results[index] = result;
        this.#options.onRead?.(index, result);
      }
    });
    // Rows of this very stage may be edited by it.
    if (group.kind === 'capture') await this.#fetches.all();
  }
}
