// Runs a schedule, layer by layer: all rows alive at a layer pass through it in batches, then move to the next. What
// rows need of each other (states at a fork, keys and values, sources of edits) is handed over on the device.

import type { Architecture, ModelInput } from '../../architectures/architecture.ts';
import { Arena } from '../backends/arena.ts';
import type { Backend, DeviceTensor, Program, TensorData } from '../backends/backend.ts';
import type { Programs } from '../backends/programs.ts';
import type { ReadResult } from '../plan/plan.ts';
import { memoryAt, type Schedule } from '../plan/scheduled.ts';
import { describeComponent } from '../plan/sites.ts';
import { inputOf, partAt, type StackStage, stackNames } from '../plan/stacks.ts';
import { embedStage, headStage, type Stage } from '../plan/stage.ts';
import type { BoundWeights, WeightStore } from '../weights/weights.ts';
import { type BatchIndices, indexBatch } from './batch.ts';
import { Captures } from './captures.ts';
import { type PreparedEdits, prepareEdits } from './editGroups.ts';
import { Fetches } from './fetches.ts';
import { Lookup } from './lookup.ts';
import { batchesOf, PartialReads, type Passing } from './passing.ts';
import type { BatchSizes, PlacedRow } from './placedRow.ts';
import type { RowKeeper } from './rowKeeper.ts';
import { ownersOf, type PastPool, type Pooled, States } from './states.ts';
import { groupTaps, memberResult, type TapGroup, type TapRequest, tapInputs } from './taps.ts';
import { type VariantSlots, variantGraph, variantKey } from './variant.ts';

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

/** A batch that has entered a stage. */
interface Entered {
  readonly placed: readonly PlacedRow[];
  readonly sizes: BatchSizes;
  readonly inputs: Readonly<Record<string, DeviceTensor>>;
  readonly temporary: readonly DeviceTensor[];
  readonly past?: PastPool;
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
    this.lookup = new Lookup(context.architecture, schedule);
    this.#recorder = recorder;
    this.#options = options;
    this.#captures = new Captures(this.arena);
    this.#fetches = new Fetches(this.arena);
    this.#states = new States(this.arena, this.lookup);
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
    const owners = new Set(readers.flatMap((row) => ownersOf(this.lookup.row(row), stage)));
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
    const entered = stage === this.#head ? this.#enterHead(batch) : this.#enterLayer(at, rowsOf(batch));
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
      ...this.#reachAt(at),
      ...(backend.runsDynamic ? { isDynamic: true } : {}),
    };
    if (taps.length > 0 || slots.keepsPresent || slots.keepsHidden) {
      const program = await this.#program(at, slots);
      const inputs = { ...weights, ...entered.inputs, ...edits.inputs, ...tapUnits };
      const outputs = this.arena.own(await program.run(inputs));
      this.#takeStates(entered.placed, outputs);
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

  /** Of parts that are made anew for longer rows: as much as the longest row of the plan needs. */
  #reachAt(at: StackStage): Pick<VariantSlots, 'reach'> {
    if (!partAt(this.#context.architecture, at)?.part.hasReach) return {};
    return { reach: 2 ** Math.ceil(Math.log2(this.lookup.schedule.longest[at.stack])) };
  }

  /** Give a batch's rows to the embedding or a block. */
  #enterLayer({ stack, stage }: StackStage, batch: readonly number[]): Entered {
    const { backend, architecture } = this.#context;
    const rows = batch.map((row) => this.lookup.row(row));
    const past = stage === embedStage ? undefined : this.#states.past(rows, stage);
    const sizes = indexBatch(rows, {
      stage,
      longest: this.lookup.schedule.longest,
      past: past?.places ?? new Map(),
      pastCount: past?.count ?? 0,
      paddedSize: (size) => backend.paddedSize(size),
    });
    const inputs: Record<string, DeviceTensor> = {};
    const temporary: DeviceTensor[] = [];
    const give = (name: string, { tensor, isTemporary }: Pooled) => {
      inputs[name] = tensor;
      if (isTemporary) temporary.push(tensor);
    };
    const upload = (name: string, data: TensorData, ...shape: readonly number[]) =>
      give(name, { tensor: this.arena.upload(data, shape), isTemporary: true });
    for (const name of ['positions', 'lengths'] as const) upload(name, sizes[name], sizes.tokens);
    if (stage === embedStage) {
      const input = inputOf(architecture, stack);
      if (input) upload('vectors', this.#vectors(input, batch, sizes), sizes.tokens, input.width);
      else upload('tokens', this.#tokens(batch, sizes.offsets, sizes.tokens), sizes.tokens);
    } else {
      upload('query_index', sizes.queryIndex, sizes.rows, sizes.queries);
      upload('query_positions', sizes.queryPositions, sizes.rows, sizes.queries);
      upload('key_index', sizes.keyIndex, sizes.rows, sizes.keys);
      upload('key_positions', sizes.keyPositions, sizes.rows, sizes.keys);
      upload('token_slot', sizes.tokenSlot, sizes.tokens);
      if (this.#recorder) upload('key_slot', sizes.keySlot, sizes.tokens);
      if (past && sizes.memory > 0) {
        upload('memory_index', sizes.memoryIndex, sizes.rows, sizes.memory);
        upload('memory_positions', sizes.memoryPositions, sizes.rows, sizes.memory);
      }
      give('hidden', this.#states.gather(batch, sizes.offsets, sizes.tokens));
      if (past) {
        give('past.keys', past.keys);
        give('past.values', past.values);
      }
    }
    const placed = batch.map((row, place): PlacedRow => {
      const scheduled = this.lookup.row(row);
      const { first, edits, length } = scheduled;
      const memory = memoryAt(scheduled, stage);
      const offset = sizes.offsets[place] ?? 0;
      const tokenOf = (position: number) => offset + position - first;
      const own = edits.filter((edit) => edit.stage === stage);
      return { row, place, first, length, ...(memory ? { memory } : {}), tokenOf, edits: own };
    });
    return { placed, sizes, inputs, temporary, ...(past ? { past } : {}) };
  }

  #tokens(batch: readonly number[], offsets: readonly number[], size: number): Int32Array {
    const tokens = new Int32Array(size);
    batch.forEach((row, place) => {
      const start = this.lookup.plan.rows[row]?.start;
      if (start?.kind === 'tokens') tokens.set(start.tokens, offsets[place]);
    });
    return tokens;
  }

  #vectors(input: ModelInput, batch: readonly number[], { offsets, tokens }: BatchIndices): Float32Array {
    const vectors = new Float32Array(tokens * input.width);
    batch.forEach((row, place) => {
      const start = this.lookup.plan.rows[row]?.start;
      if (start?.kind === 'input')
        vectors.set(input.vectors(start.data), (offsets[place] ?? 0) * input.width);
    });
    return vectors;
  }

  /** Give the head the positions that are read, and no others. */
  #enterHead(batch: readonly Passing[]): Entered {
    const wanted: { row: number; position: number }[] = [];
    const placed = batch.map(({ row, positions }, place): PlacedRow => {
      const { first, edits, length } = this.lookup.row(row);
      const tokens = new Map<number, number>();
      for (const position of positions) {
        tokens.set(position, wanted.length);
        wanted.push({ row, position });
      }
      const tokenOf = (position: number) => tokens.get(position);
      return { row, place, first, length, tokenOf, edits: edits.filter((edit) => edit.stage === this.#head) };
    });
    const tokens = this.#context.backend.paddedSize(wanted.length);
    const { tensor } = this.#states.gatherPositions(wanted, tokens);
    const sizes = { tokens, rows: batch.length, queries: 1, keys: 1, memory: 0 };
    return { placed, sizes, inputs: { hidden: tensor }, temporary: [tensor] };
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

  #takeStates(placed: readonly PlacedRow[], outputs: Readonly<Record<string, DeviceTensor>>): void {
    const { out, 'present.keys': keys, 'present.values': values } = outputs;
    for (const { row, first, tokenOf } of placed) {
      const at = tokenOf(first) ?? 0;
      if (out) this.#states.leave(row, out, at);
      if (keys && values) this.#states.keep(row, keys, values, at);
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

  async #program(at: StackStage, slots: VariantSlots): Promise<Program> {
    const { programs, backend, architecture } = this.#context;
    const key = variantKey(partAt(architecture, at)?.part.key ?? '', slots);
    return programs.get(key, () => backend.compile(variantGraph(architecture, at, slots)));
  }
}
