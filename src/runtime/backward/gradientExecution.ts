// Differentiates the rows of a plan. The forward pass keeps what enters each batch that matters; the backward pass goes
// through these batches from the last to the first, computes each again and pulls the gradient through it. What is held
// at once is the weights of a part, what entered the batches, and the intermediates of one of them.

import type { DeviceTensor, Program } from '../backends/backend.ts';
import { elementCount } from '../backends/backend.ts';
import {
  type BatchRecord,
  type ExecuteContext,
  type ExecuteOptions,
  Execution,
  type Recorder,
} from '../forward/execute.ts';
import { Fetches } from '../forward/fetches.ts';
import { memberPart, unpadPairs } from '../forward/taps.ts';
import { type OpenPart, openPart } from '../forward/variant.ts';
import type { Plan, ReadResult, ReadTensor } from '../plan/plan.ts';
import { keysOf } from '../plan/schedule.ts';
import type { Schedule, ScheduledRead } from '../plan/scheduled.ts';
import { describeComponent, unitCount } from '../plan/sites.ts';
import { partAt, type StackStage, stackNames } from '../plan/stacks.ts';
import { embedStage, headStage } from '../plan/stage.ts';
import type { BoundWeights } from '../weights/weights.ts';
import { Handover } from './gradientHandover.ts';
import type { Needs } from './gradientNeeds.ts';
import { GradientSpans, tokenAt } from './gradientSpans.ts';
import { groupUses, type UseGroup, type UseRequest } from './gradientUses.ts';
import { type GradientSlots, gradientKey, gradientVariant } from './gradientVariant.ts';
import type { GradientPlan, GradientResult } from './objective.ts';
import { ParameterSums } from './parameterSums.ts';

export interface GradientOptions extends ExecuteOptions {
  /**
   * Takes the gradients of `of` on the device, where they are summed: they are not read, and are freed when the promise
   * settles. Shapes are those of the parameters. The objective comes with them: whoever makes a step of them can see
   * whether it is a number.
   */
  readonly onParameters?: (
    gradients: readonly Readonly<Record<string, DeviceTensor>>[],
    objective: number,
  ) => Promise<void>;
}

export interface GradientRequest {
  readonly plan: GradientPlan;
  /** The rows, with the reads followed by those that stand for terms and for places at which gradients are wanted. */
  readonly forward: Plan;
  readonly schedule: Schedule;
  readonly terms: readonly ScheduledRead[];
  readonly at: readonly ScheduledRead[];
  readonly needs: Needs;
}

export async function executeGradients(
  context: ExecuteContext,
  request: GradientRequest,
  options: GradientOptions,
): Promise<GradientResult> {
  const records: BatchRecord[] = [];
  const { needs, terms, schedule, plan } = request;
  const termStages = new Set(terms.map(({ row, stage }) => `${row} ${stage}`));
  const recorder: Recorder = {
    answeredReads: plan.reads?.length ?? 0,
    wants: (row, stage) => needs.isNeeded(row, stage) || termStages.has(`${row} ${stage}`),
    take: (record) => records.push(record),
  };
  const total = schedule.rowLayers + needs.rowStages;
  const report = (done: number) => options.onProgress?.(done, total);
  const execution = new Execution(context, schedule, { ...options, onProgress: report }, recorder);
  try {
    const reads = await execution.run();
    const backward = new Backward(context, execution, request, options.signal);
    await backward.run(records, (rows) => report(schedule.rowLayers + rows));
    return await backward.results(reads, options.onParameters);
  } finally {
    execution.arena.disposeAll();
  }
}

class Backward {
  readonly #context: ExecuteContext;
  readonly #execution: Execution;
  readonly #request: GradientRequest;
  readonly #signal: AbortSignal | undefined;
  readonly #spans: GradientSpans;
  readonly #handover: Handover;
  readonly #sums: ParameterSums;
  readonly #fetches: Fetches;
  readonly #terms: Float32Array[];
  readonly #at: (ReadTensor | undefined)[];

  constructor(
    context: ExecuteContext,
    execution: Execution,
    request: GradientRequest,
    signal: AbortSignal | undefined,
  ) {
    this.#context = context;
    this.#execution = execution;
    this.#request = request;
    this.#signal = signal;
    this.#spans = new GradientSpans(execution.arena, execution.lookup);
    this.#fetches = new Fetches(execution.arena);
    this.#terms = request.terms.map(({ target }) => new Float32Array(unitCount(target)));
    this.#at = request.at.map(() => undefined);
    this.#handover = new Handover(execution.arena, execution.lookup, request.needs);
    this.#sums = new ParameterSums(execution.arena, request.plan.of ?? [], context.programs);
  }

  async run(records: readonly BatchRecord[], onRows: (done: number) => void): Promise<void> {
    const { architecture, weights } = this.#context;
    let done = 0;
    for (let stage = headStage(architecture); stage >= embedStage; stage--) {
      const { longest } = this.#request.schedule;
      // What the decoder's layers read of the encoder's rows has its gradients from them.
      for (const stack of stackNames.toReversed()) {
        const batches = records
          .filter((record) => record.stage === stage && record.stack === stack)
          .reverse();
        const placed = partAt(architecture, { stack, stage });
        if (!placed || batches.length === 0) continue;
        await weights.with(placed.part.weights, longest[stack], this.#signal, async (bound) => {
          for (const record of batches) {
            this.#signal?.throwIfAborted();
            await this.#pull(record, bound);
            for (const tensor of Object.values(record.inputs)) this.#execution.arena.release(tensor);
            done += record.placed.filter(({ row }) => this.#request.needs.isNeeded(row, stage)).length;
            onRows(done);
          }
        });
      }
      for (const row of this.#execution.lookup.waitingAt(stage)) this.#spans.wait(row);
      this.#spans.advance();
      this.#handover.endStage();
    }
    await this.#fetches.all();
  }

  async #pull(record: BatchRecord, weights: BoundWeights): Promise<void> {
    const { arena } = this.#execution;
    const { placed, stage, sizes } = record;
    const uses = groupUses(this.#usesOf(record), arena);
    const out = this.#spans.out(placed, stage, sizes.tokens);
    const forks = this.#spans.forks(placed, stage);
    const present = this.#handover.present(placed);
    const inputs: Record<string, DeviceTensor> = {
      ...Object.assign({}, ...uses.map((group) => group.inputs)),
      ...(out ? { gradient: out.tensor } : {}),
      ...(forks ? { 'fork.units': forks.units, 'fork.gradient': forks.gradient } : {}),
      ...present,
    };
    const slots: GradientSlots = {
      ...this.#gives(record),
      edits: record.edits.slots,
      uses: uses.map(({ slot }) => slot),
      hasPast: record.past !== undefined,
      takesOut: out !== undefined,
      takesForks: forks !== undefined,
      takesPresent: present !== undefined,
    };
    const program = await this.#program(record, slots);
    if (program) {
      const outputs = arena.own(await program.run({ ...weights, ...record.inputs, ...inputs }));
      this.#takeHidden(record, outputs['gradient.hidden']);
      this.#handover.takePast(record, outputs);
      this.#handover.takeSources(record, slots.givesSources, outputs);
      for (const { edit, name } of slots.givesParameters)
        await this.#sums.take(
          record.edits.groups[edit]?.parameters,
          name,
          outputs[`gradient.edit${edit}.${name}`],
        );
      for (const [index, group] of uses.entries()) await this.#takeUse(record, group, index, outputs);
    }
    this.#handover.free(record);
    const passing = out && !out.isTemporary ? out.tensor : undefined;
    for (const tensor of Object.values(inputs)) if (tensor !== passing) arena.dispose(tensor);
  }

  /** What the gradients of a batch are needed of. */
  #gives({
    placed,
    stage,
    past,
    edits,
  }: BatchRecord): Pick<GradientSlots, 'givesHidden' | 'givesPast' | 'givesSources' | 'givesParameters'> {
    const { needs } = this.#request;
    return {
      givesHidden: placed.some(({ row }) => needs.isNeeded(row, stage) && needs.dependsBefore(row, stage)),
      givesPast: [...(past?.places.keys() ?? [])].some((row) => needs.dependsAt(row, stage)),
      givesSources: edits.groups.flatMap(({ units }, index) =>
        units.some(({ edit: { origin } }) => origin && needs.dependsAt(origin.row, origin.stage))
          ? [index]
          : [],
      ),
      givesParameters: edits.groups.flatMap(({ parameters }, edit) =>
        this.#sums.isWanted(parameters) ? Object.keys(parameters).map((name) => ({ edit, name })) : [],
      ),
    };
  }

  #usesOf({ placed: batch, stage }: BatchRecord): readonly UseRequest[] {
    const { architecture } = this.#context;
    const { plan, needs, terms } = this.#request;
    const { lookup } = this.#execution;
    const answered = plan.reads?.length ?? 0;
    const componentOf = (name: string) => describeComponent(architecture, name);
    return batch.flatMap((placed): UseRequest[] => {
      const own = lookup.readsAt(placed.row, stage).flatMap(({ index, read }): UseRequest[] => {
        const asked = { placed, component: componentOf(read.site.component), location: read.target };
        const place = index - answered;
        if (place < 0) return [];
        const term = plan.terms[place];
        if (term) return [{ ...asked, kind: 'term', index: place, term }];
        return needs.isNeeded(placed.row, stage)
          ? [{ ...asked, kind: 'want', index: place - terms.length }]
          : [];
      });
      const arrivals = lookup.capturesAt(placed.row, stage).flatMap(({ key, component }) =>
        this.#handover.arrivals(key).map(
          (arrival): UseRequest => ({
            kind: 'arrival',
            placed,
            component: componentOf(component),
            arrival,
          }),
        ),
      );
      return [...own, ...arrivals];
    });
  }

  /** Keep the gradient of what entered the batch for the stage below. */
  #takeHidden({ placed: batch, stage }: BatchRecord, hidden: DeviceTensor | undefined): void {
    if (!hidden) return;
    const { needs } = this.#request;
    const { lookup, arena } = this.#execution;
    const isHead = stage === headStage(this.#context.architecture);
    const going = batch.filter(({ row }) => needs.isNeeded(row, stage) && needs.dependsBefore(row, stage));
    for (const placed of going) {
      const { row, first, length } = placed;
      const runs = isHead
        ? lookup.headPositions(row).map((position) => ({ position, count: 1 }))
        : [{ position: first, count: length - first }];
      this.#spans.leave(
        row,
        runs.map((run) => ({ ...run, tensor: hidden, from: tokenAt(placed, run.position) })),
      );
    }
    if (going.length === 0) arena.dispose(hidden);
  }

  async #takeUse(
    { sizes }: BatchRecord,
    group: UseGroup,
    index: number,
    outputs: Readonly<Record<string, DeviceTensor>>,
  ): Promise<void> {
    const { slot, members } = group;
    const tensor = outputs[slot.kind === 'term' ? `use${index}.objective` : `gradient.use${index}`];
    if (!tensor || slot.kind === 'arrival') return;
    await this.#fetches.take({ tensor }, ({ tensor: fetched }) => {
      if (!fetched) return;
      for (const member of members) {
        const part = memberPart(fetched, member);
        if (slot.kind === 'term') this.#terms[member.index]?.set(part.data);
        else
          this.#at[member.index] =
            slot.layout === 'pair' ? unpadPairs(part, group.component, member, sizes) : part;
      }
    });
  }

  #open(at: StackStage, { edits, uses, hasPast }: GradientSlots): OpenPart {
    const taps = uses.map(({ component, layout }) => ({ component, layout }));
    return openPart(this.#context.architecture, at, { edits, taps, hasPast, isDifferentiated: true });
  }

  /** Undefined where nothing is asked of a batch. */
  async #program(at: StackStage, slots: GradientSlots): Promise<Program | undefined> {
    const { architecture, backend } = this.#context;
    const key = gradientKey(partAt(architecture, at)?.part.key ?? '', slots);
    return this.#context.programs.get(key, () => {
      const built = gradientVariant(this.#open(at, slots), slots);
      return built.outputs.size > 0 ? backend.compile(built) : undefined;
    });
  }

  async results(
    reads: readonly ReadResult[],
    onParameters: GradientOptions['onParameters'],
  ): Promise<GradientResult> {
    const { plan, at, schedule } = this.#request;
    const { backend, architecture } = this.#context;
    const objective = plan.terms.reduce((sum, { weight = 1 }, index) => {
      return sum + weight * (this.#terms[index] ?? new Float32Array()).reduce((a, b) => a + b, 0);
    }, 0);
    const zeros = (shape: readonly number[]) => ({ shape, data: new Float32Array(elementCount(shape)) });
    const places = at.map((read, index): ReadTensor => {
      const component = describeComponent(architecture, read.site.component);
      const { width, layout } = component;
      const { positions, heads = [] } = read.target;
      const row = schedule.rows[read.row];
      const keys = row ? keysOf(component, row) : 0;
      const shape =
        layout === 'pair' ? [heads.length, positions.length, keys] : [unitCount(read.target), width];
      return this.#at[index] ?? zeros(shape);
    });
    const parameters = this.#sums.all();
    await onParameters?.(parameters, objective);
    const of: Record<string, ReadTensor>[] = [];
    for (const named of onParameters ? [] : parameters) {
      const read: Record<string, ReadTensor> = {};
      for (const [name, tensor] of Object.entries(named))
        read[name] = { shape: tensor.shape, data: await backend.read(tensor) };
      of.push(read);
    }
    return { objective, terms: this.#terms, reads, at: places, of };
  }
}
