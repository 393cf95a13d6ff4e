// Runs a call's phases one after another: what is computed late in one run is read before the run that takes it begins. To
// the caller it is one run, whose progress grows towards one total.

import type { ExecuteOptions } from '../../runtime/forward/execute.ts';
import type { Model } from '../../runtime/model.ts';
import { begunLater, type StatesOfPrompt } from '../../runtime/plan/later.ts';
import type { Plan, ReadResult } from '../../runtime/plan/plan.ts';
import type { CompiledCall, CompiledRows } from './compile.ts';
import { lateKey } from './edits.ts';

/** What of a run can be followed, and what need not be run again. */
export interface RunOptions extends Pick<ExecuteOptions, 'signal' | 'onProgress'> {
  /** States of prompts that the model has kept (`Model.keepStates`), by their tokens; undefined where there are none. */
  readonly statesOf?: (tokens: readonly number[]) => StatesOfPrompt | undefined;
}

/**
 * @param lastPlan of the rows of the last phase, the same for the same rows
 * @returns the results of the last plan
 */
export async function runPhases(
  model: Model,
  compiled: CompiledCall,
  lastPlan: (rows: CompiledRows) => Plan,
  { signal, onProgress, statesOf }: RunOptions,
): Promise<readonly ReadResult[]> {
  const planOf = (phase: number, given: ReadonlyMap<string, Float32Array>): Plan => {
    const plan = wholePlan(phase, given);
    return statesOf ? begunLater(model.architecture, plan, statesOf) : plan;
  };
  const wholePlan = (phase: number, given: ReadonlyMap<string, Float32Array>): Plan => {
    const rows = compiled.rows(phase, given);
    if (phase === compiled.phases - 1) return lastPlan(rows);
    const reads = compiled.late(phase).map(({ run, example, site, location }) => ({
      row: rows.rowOf(run, example),
      site,
      location,
    }));
    return { rows: rows.rows, reads };
  };
  const phases = Array.from({ length: compiled.phases }, (_, phase) => phase);
  const totalOf = (): number => {
    // What a plan costs does not depend on the numbers that it is given.
    const zeros = new Map(
      phases
        .slice(0, -1)
        .flatMap(compiled.late)
        .map((late) => [lateKey(late), new Float32Array(compiled.lateSize(late))]),
    );
    return phases.reduce((sum, phase) => sum + model.schedule(planOf(phase, zeros)).rowLayers, 0);
  };
  const total = onProgress ? totalOf() : 0;
  const given = new Map<string, Float32Array>();
  let before = 0;
  let results: readonly ReadResult[] = [];
  for (const phase of phases) {
    const plan = planOf(phase, given);
    if (plan.reads.length === 0) return [];
    let done = 0;
    results = await model.run(plan, {
      ...(signal ? { signal } : {}),
      ...(onProgress
        ? {
            onProgress: (rowLayers: number) => {
              // The first phase alone says that nothing is done yet.
              if (rowLayers === 0 && phase > 0) return;
              done = rowLayers;
              onProgress(before + rowLayers, total);
            },
          }
        : {}),
    });
    before += done;
    compiled.late(phase).forEach((late, index) => {
      const data = results[index]?.value?.data;
      if (phase < compiled.phases - 1 && data instanceof Float32Array) given.set(lateKey(late), data);
    });
  }
  return results;
}
