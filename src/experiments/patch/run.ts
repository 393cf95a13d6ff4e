// Runs a patch, and hands over what it finds as it finds it: first the baselines, then cells, coarse layers first. A run
// that is stopped loses no cell that has arrived, and goes on from there.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Model } from '../../runtime/model.ts';
import type { Reduction } from '../../runtime/plan/plan.ts';
import {
  type CellRunner,
  type CellRunOptions,
  type CellUpdate,
  type Finished,
  runCells,
} from '../cellRun.ts';
import { joinSamples, measureLogits, type Samples, sampleAt } from '../metrics.ts';
import { type Notice, notPredictedNotice } from '../notice.ts';
import { floatsOf, PlanRuns, type RunOptions, readLogits, runRow } from '../planRuns.ts';
import { finiteLogits, topCandidates } from '../predict.ts';
import type { NamedToken } from '../tokens.ts';
import { type Unit, unitsOf } from '../units.ts';
import { ablatedActivations } from './ablation.ts';
import { batchCells, casesOf, cellSpan, orderCells, type PatchBatch } from './cells.ts';
import type { PatchCase, PatchCell, PatchOutline, PatchPart } from './outline.ts';
import {
  type AblatedActivation,
  baselineRuns,
  batchRowLayers,
  estimatePatch,
  planCells,
  promptsTogether,
} from './plan.ts';
import type { ResolvedPatch } from './resolve.ts';
import { gatherNotices, type ResolvedPair } from './resolvePairs.ts';

export interface PreparedPair extends ResolvedPair {
  readonly answer: NamedToken;
  /** The measurement of what follows its prompts. */
  readonly reduction: Reduction;
}

/** An experiment with its model's own predictions known. */
export interface PreparedPatch extends ResolvedPatch {
  readonly pairs: readonly PreparedPair[];
  readonly ablated?: AblatedActivation;
}

export interface PrepareOptions {
  readonly signal?: AbortSignal;
  /** What stands on a token's chip; default its id. */
  readonly textOf?: (id: number) => string;
}

/**
 * Run the clean prompts once: what they predict are the default answers. The prompts of a mean are run too.
 * @throws ExperimentError, or the signal's reason
 */
export async function preparePatch(
  model: Model,
  patch: ResolvedPatch,
  { signal, textOf = (id) => `#${id}` }: PrepareOptions = {},
): Promise<PreparedPatch> {
  const pairs: PreparedPair[] = [];
  const found: Notice[][] = [];
  for (let from = 0; from < patch.pairs.length; from += promptsTogether) {
    const some = patch.pairs.slice(from, from + promptsTogether);
    const rows = some.map(({ clean }) => runRow(clean));
    const reads = some.map(({ watched }, row) => readLogits(row, watched));
    const results = await model.run({ rows, reads }, signal ? { signal } : {});
    some.forEach((pair, index) => {
      const logits = finiteLogits(model, floatsOf(results[index]));
      const [best] = topCandidates(logits, 1);
      if (!best) throw new Error('The vocabulary is empty.');
      const answer = pair.answer ?? { id: best.id, text: textOf(best.id) };
      found.push(answer.id === best.id ? [] : [notPredictedNotice(answer.text, textOf(best.id))]);
      const target = { answer: answer.id, ...(pair.distractor ? { distractor: pair.distractor.id } : {}) };
      pairs.push({ ...pair, answer, reduction: measureLogits(target, logits) });
    });
  }
  const ablated = await ablatedActivations(model, patch.ablation, patch.panels, signal);
  return {
    ...patch,
    pairs,
    ...(ablated ? { ablated } : {}),
    notices: [...patch.notices, ...gatherNotices(found)],
  };
}

export interface PatchBaselines {
  /** One entry a pair, in order. */
  readonly clean: Samples;
  /** The same; null for an ablation, which has no corrupted prompts. */
  readonly corrupted: Samples | null;
}

export type PatchUpdate = CellUpdate<PatchPart, PatchBaselines>;

/** The total of progress is that of `estimatePatch`. */
export type RunPatchOptions = RunOptions & CellRunOptions<PatchCell, PatchBatch>;

/** Cases of a unit at most; plans of a batch are of half as many. */
const casesOfUnit = 16;

/** Cells in the order in which they run, in some cases: sixteen, or all where there are no more. */
export function patchUnits(outline: PatchOutline, architecture: Architecture): readonly Unit<PatchBatch>[] {
  const count = outline.cases.length;
  const rowsOf = ({ cells }: PatchBatch) => cells.length * Math.min(count, casesOfUnit);
  const whole = unitsOf(batchCells(outline, architecture), rowsOf);
  if (count <= casesOfUnit) return whole;
  const ranges = Array.from({ length: Math.ceil(count / casesOfUnit) }, (_, range) => range * casesOfUnit);
  return whole.flatMap(({ name, batches }) =>
    ranges.map((from) => {
      const to = Math.min(count, from + casesOfUnit);
      const within = (slice: PatchBatch['slices'][number]) => slice.from >= from && slice.to <= to;
      return {
        name: `${name} in runs ${from + 1}-${to}`,
        batches: batches.map(({ cells, slices }) => ({ cells, slices: slices.filter(within) })),
      };
    }),
  );
}

class PatchRunner implements CellRunner<PatchCell, PatchBaselines, PatchBatch, PatchPart> {
  readonly #model: Model;
  readonly #patch: PreparedPatch;
  readonly #runs: PlanRuns;
  readonly #hasDistractor: boolean;
  readonly units: readonly Unit<PatchBatch>[];

  constructor(model: Model, patch: PreparedPatch, options: RunPatchOptions) {
    this.#model = model;
    this.#patch = patch;
    this.units = patchUnits(patch, model.architecture);
    this.#runs = new PlanRuns(model, estimatePatch(model.architecture, patch).rowLayers, options);
    this.#hasDistractor = patch.pairs.every(({ distractor }) => distractor !== undefined);
  }

  #pair(pair: number): PreparedPair {
    const found = this.#patch.pairs[pair];
    if (!found) throw new RangeError(`There is no pair ${pair}.`);
    return found;
  }

  async baselines(): Promise<PatchBaselines> {
    this.#runs.start();
    const { pairs } = this.#patch;
    const measured: Samples[] = [];
    for (const some of baselineRuns(this.#patch)) {
      const reads = some.map((_, row) => {
        const { watched, reduction } = this.#pair((measured.length + row) % pairs.length);
        return readLogits(row, watched, reduction);
      });
      measured.push(...(await this.#runs.measure({ rows: some.map(runRow), reads }, this.#hasDistractor)));
    }
    const corrupted = measured.slice(pairs.length);
    return {
      clean: joinSamples(measured.slice(0, pairs.length)),
      corrupted: corrupted.length > 0 ? joinSamples(corrupted) : null,
    };
  }

  /** What a case's run measures that is edited, as it is without any edit. */
  unedited({ pair }: PatchCase, { clean, corrupted }: PatchBaselines): Samples {
    return sampleAt((this.#patch.direction === 'restore' && corrupted) || clean, pair);
  }

  async cells(
    { cells, slices }: PatchBatch,
    baselines: PatchBaselines,
  ): Promise<readonly Finished<PatchPart>[]> {
    const { cases, ablated } = this.#patch;
    const { architecture } = this.#model;
    const found = new Map(cells.map((cell) => [cell, new Map<PatchCase, Samples>()]));
    for (const { from, to } of slices) {
      const { plan, members } = planCells(this.#patch, architecture, cells, cases.slice(from, to), {
        reductionOf: (pair) => this.#pair(pair).reduction,
        ...(ablated ? { ablated } : {}),
      });
      const measured = await this.#runs.measure(plan, this.#hasDistractor);
      measured.forEach((samples, index) => {
        const member = members[index];
        if (member) found.get(member.cell)?.set(member.patchCase, samples);
      });
    }
    const { from, to } = casesOf({ cells, slices });
    return cells.map((cell) => ({
      ...cell,
      from,
      // In some cases a cell may change nothing that it changes in others.
      samples: joinSamples(
        cases
          .slice(from, to)
          .map((patchCase) => found.get(cell)?.get(patchCase) ?? this.unedited(patchCase, baselines)),
      ),
    }));
  }

  /** What changes nothing in any case. */
  untouched(baselines: PatchBaselines): readonly Finished<PatchPart>[] {
    const { architecture } = this.#model;
    const { cases } = this.#patch;
    const samples = joinSamples(cases.map((patchCase) => this.unedited(patchCase, baselines)));
    return orderCells(this.#patch, architecture.layerCount)
      .filter((cell) => cases.every((patchCase) => !cellSpan(this.#patch, architecture, cell, patchCase)))
      .map((cell) => ({ ...cell, from: 0, samples }));
  }

  skip(batch: PatchBatch): void {
    this.#runs.skip(batchRowLayers(this.#patch, this.#model.architecture, batch));
  }
}

/** Run a prepared patch, as `runCells` runs. */
export const runPatch = (
  model: Model,
  patch: PreparedPatch,
  options: RunPatchOptions = {},
): AsyncGenerator<PatchUpdate, void> => runCells(new PatchRunner(model, patch, options), options);
