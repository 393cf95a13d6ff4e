// Runs a trace, and hands over what it finds as it finds it: first the two baselines, then cells, coarse layers first. A
// run that is stopped loses no cell that has arrived, and goes on from there.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Model } from '../../runtime/model.ts';
import type { Plan } from '../../runtime/plan/plan.ts';
import {
  type CellRunner,
  type CellRunOptions,
  type CellUpdate,
  type Finished,
  runCells,
} from '../cellRun.ts';
import { joinSamples, measureLogits, type Samples, type Target } from '../metrics.ts';
import { type Notice, notPredictedNotice } from '../notice.ts';
import { floatsOf, PlanRuns, type RunOptions, readLogits } from '../planRuns.ts';
import { finiteLogits, topCandidates } from '../predict.ts';
import type { NamedToken } from '../tokens.ts';
import { type Unit, unitsOf } from '../units.ts';
import {
  batchCells,
  isUntouched,
  mostSamples,
  orderCells,
  type TraceBatch,
  type TraceCell,
  type TraceOutline,
} from './cells.ts';
import { type CorruptedRuns, corruptedRuns } from './corruption.ts';
import { batchRowLayers, cleanRow, estimateTrace, planCells } from './plan.ts';
import type { ResolvedTrace } from './resolve.ts';

/** An experiment with its model's own prediction known. */
export interface PreparedTrace extends ResolvedTrace, CorruptedRuns {
  readonly answer: NamedToken;
  /** [vocabulary] after the clean prompt. */
  readonly cleanLogits: Float32Array;
}

export interface PrepareOptions {
  readonly signal?: AbortSignal;
  /** What stands on a token's chip; default its id. */
  readonly textOf?: (id: number) => string;
}

/**
 * Run the clean prompt once: its prediction is the default answer, and its embeddings set the level of the noise.
 * @throws ExperimentError, NotFiniteError, or the signal's reason
 */
export async function prepareTrace(
  model: Model,
  trace: ResolvedTrace,
  { signal, textOf = (id) => `#${id}` }: PrepareOptions = {},
): Promise<PreparedTrace> {
  const embedding = { component: trace.embedding, layer: null };
  const [prediction, embeddings] = await model.run(
    {
      rows: [cleanRow(trace)],
      reads: [readLogits(0, trace.watched), { row: 0, site: embedding, location: { positions: 'all' } }],
    },
    signal ? { signal } : {},
  );
  const cleanLogits = finiteLogits(model, floatsOf(prediction));
  const [best] = topCandidates(cleanLogits, 1);
  if (!best) throw new Error('The vocabulary is empty.');
  const named = (id: number): NamedToken => ({ id, text: textOf(id) });
  const answer = trace.answer ?? named(best.id);
  const notices: Notice[] = [...trace.notices];
  if (answer.id !== best.id) {
    notices.push(notPredictedNotice(answer.text, textOf(best.id)));
  }
  return { ...trace, ...corruptedRuns(trace, floatsOf(embeddings)), answer, cleanLogits, notices };
}

export interface TraceBaselines {
  readonly clean: Samples;
  readonly corrupted: Samples;
}

export type TraceUpdate = CellUpdate<TraceCell, TraceBaselines>;

/** The total of progress is that of `estimateTrace`. */
export type RunTraceOptions = RunOptions & CellRunOptions<TraceCell, TraceBatch>;

/** A stream's cells of some layers, or all of them, with all samples: a unit draws all noise and uses it all. */
export const traceUnits = (outline: TraceOutline, architecture: Architecture): readonly Unit<TraceBatch>[] =>
  unitsOf(batchCells(outline, architecture), ({ cells }) => cells.length * outline.samples);

class TraceRunner implements CellRunner<TraceCell, TraceBaselines, TraceBatch> {
  readonly #model: Model;
  readonly #trace: PreparedTrace;
  readonly #runs: PlanRuns;
  readonly #target: Target;
  readonly units: readonly Unit<TraceBatch>[];

  constructor(model: Model, trace: PreparedTrace, options: RunTraceOptions) {
    this.#model = model;
    this.#trace = trace;
    this.units = traceUnits(trace, model.architecture);
    this.#runs = new PlanRuns(model, estimateTrace(model.architecture, trace).rowLayers, options);
    const { answer, distractor } = trace;
    this.#target = { answer: answer.id, ...(distractor ? { distractor: distractor.id } : {}) };
  }

  get #reduction() {
    return measureLogits(this.#target, this.#trace.cleanLogits);
  }

  #measure(plan: Plan): Promise<readonly Samples[]> {
    return this.#runs.measure(plan, this.#target.distractor !== undefined);
  }

  async baselines(): Promise<TraceBaselines> {
    this.#runs.start();
    const reduction = this.#reduction;
    const rows = [cleanRow(this.#trace), ...this.#trace.rows];
    const measured: Samples[] = [];
    for (let from = 0; from < rows.length; from += mostSamples) {
      const some = rows.slice(from, from + mostSamples);
      const reads = some.map((_, row) => readLogits(row, this.#trace.watched, reduction));
      measured.push(...(await this.#measure({ rows: some, reads })));
    }
    const [clean, ...corrupted] = measured;
    if (!clean) throw new Error('The clean run was not measured.');
    return { clean, corrupted: joinSamples(corrupted) };
  }

  async cells({ cells, slices }: TraceBatch): Promise<readonly Finished<TraceCell>[]> {
    const parts = new Map<TraceCell, Samples[]>(cells.map((cell) => [cell, []]));
    const reduction = this.#reduction;
    for (const { from, to } of slices) {
      const corrupted = this.#trace.rows.slice(from, to);
      const { plan, members } = planCells(this.#trace, this.#model.architecture, cells, corrupted, reduction);
      const measured = await this.#measure(plan);
      // Members of one cell stand in the order of their samples.
      measured.forEach((samples, index) => {
        const member = members[index];
        if (member) parts.get(member.cell)?.push(samples);
      });
    }
    return cells.map((cell) => ({ ...cell, samples: joinSamples(parts.get(cell) ?? []) }));
  }

  /** What a cell that changes nothing measures: the run that is edited, unedited. */
  untouched({ clean, corrupted }: TraceBaselines): readonly Finished<TraceCell>[] {
    const trace = this.#trace;
    const { layerCount, isCausal } = this.#model.architecture;
    const samples =
      trace.direction === 'restore' ? corrupted : joinSamples(Array.from(trace.rows, () => clean));
    return orderCells(trace, layerCount)
      .filter((cell) => isUntouched(trace, cell, isCausal))
      .map((cell) => ({ ...cell, samples }));
  }

  skip(batch: TraceBatch): void {
    this.#runs.skip(batchRowLayers(this.#trace, this.#model.architecture, batch));
  }
}

/** Run a prepared trace, as `runCells` runs. */
export const runTrace = (
  model: Model,
  trace: PreparedTrace,
  options: RunTraceOptions = {},
): AsyncGenerator<TraceUpdate, void> => runCells(new TraceRunner(model, trace, options), options);
