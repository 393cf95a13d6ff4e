// Cells to first order: what is watched in the run that a cell would start from, and its slope there times what would be put in,
// less what is there. One pass back for each run gives it for every tensor of every site.

import { floatsOf } from '../../imported/backward/feeds.ts';
import { entriesOfPlace } from '../../imported/places.ts';
import type { PlanRow } from '../../imported/plan.ts';
import type { NamedTensors } from '../../imported/runtime.ts';
import { isFloat, type Tensor } from '../../imported/tensor.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { ResolvedTensors } from './resolve.ts';
import { startsCorrupted } from './slopes.ts';
import type { Measure } from './watched.ts';
import { watchedTerm } from './watchedTerm.ts';

/** A run that cells start from. */
interface Slopes {
  readonly value: number;
  /** By tensor: what it has there, and the slope. */
  readonly tensors: ReadonlyMap<string, { readonly own: Tensor; readonly slope: Float32Array }>;
}

export interface GradientCells {
  /** One number a sample for each of a layer's places. */
  of(panel: number, at: number): readonly (readonly number[])[];
}

/** The tensors of all sites, each once. @throws ExperimentError for one that has no slope */
function siteTensors({ panels, opened }: ResolvedTensors): readonly string[] {
  const { tensors } = opened.imported.probe;
  const names = [...new Set(panels.flatMap(({ layers }) => layers.map(({ tensor }) => tensor)))];
  const whole = names.find((name) => !isFloat(tensors.get(name)?.dtype ?? 'bool'));
  if (whole !== undefined)
    throw new ExperimentError(
      `'${whole}' holds ${tensors.get(whole)?.dtype ?? 'no'} numbers, which have no slope. Leave "method" out to run each cell.`,
    );
  return names;
}

/** Whether two numbers of a run are one, on the scale of what all runs give: probabilities of a millionth as well as logits. */
export function isSameMeasure(value: number, measured: number, measures: readonly number[]): boolean {
  const largest = Math.max(0, ...measures.filter(Number.isFinite).map(Math.abs));
  return Math.abs(value - measured) <= 1e-4 * largest;
}

type Run = Pick<PlanRow, 'inputs' | 'edits'>;

/**
 * @param corruptedRuns none for an ablation
 * @throws SiteError that names an operator without a rule; ExperimentError where the slope is no number
 */
export async function gradientCells(
  resolved: ResolvedTensors,
  measure: Measure,
  corruptedRuns: readonly Run[],
  signal: AbortSignal | undefined,
): Promise<GradientCells> {
  const { opened, watch, experiment, clean } = resolved;
  const { imported } = opened;
  const { ablation } = experiment;
  const options = signal ? { signal } : {};
  const names = siteTensors(resolved);
  const cleanRun: Run = { inputs: clean, edits: [] };
  const isRestored = startsCorrupted(experiment);
  const starts = isRestored ? corruptedRuns : [cleanRun];
  const sources = isRestored ? [cleanRun] : corruptedRuns;
  const outputs = await imported.run(
    [
      ...starts.map((run) => ({ ...run, reads: [watch.output] })),
      ...sources.map((run) => ({ ...run, reads: [...new Set([...names, watch.output])] })),
    ],
    options,
  );
  const given = outputs.slice(starts.length);
  const measures = outputs.map((output) => measure.of(tensorIn(output, watch.output)));
  const rows = starts.map((run, index) => {
    const output = tensorIn(outputs[index] ?? {}, watch.output);
    return {
      ...run,
      reads: names,
      at: names,
      terms: [watchedTerm(watch, measure, output)],
      formulas: new Map(),
    };
  });
  const found = (await imported.gradients(rows, options)).map(({ reads, at, terms }, index): Slopes => {
    const value = terms[0]?.[0] ?? Number.NaN;
    const measured = measures[index] ?? Number.NaN;
    // The formula of the gradient is another program than the measure; both must mean the same.
    if (!isSameMeasure(value, measured, measures))
      throw new ExperimentError(
        `What is watched is ${measured} in the run and ${value} where its slope is taken. Leave "method" out to run each cell.`,
      );
    const tensors = names.map((name) => {
      const slope = at[name]?.data ?? new Float32Array();
      if (!slope.every(Number.isFinite))
        throw new ExperimentError(
          `The slope of ${measure.name} at '${name}' is no number: it has none where a run lies on what it is compared with. Watch 'squared' or an entry, or leave "method" out to run each cell.`,
        );
      return [name, { own: floatsOf(tensorIn(reads, name)), slope }] as const;
    });
    return { value: measured, tensors: new Map(tensors) };
  });
  return {
    of: (panel, at) => {
      const layer = resolved.panels[panel]?.layers[at];
      if (!layer) throw new RangeError(`There is no layer ${at} of panel ${panel}.`);
      const { counts } = layer.grid;
      const count = counts.reduce((product, size) => product * size, 1);
      const samples = ablation ? [0] : corruptedRuns.map((_, sample) => sample);
      const putIn = samples.map((sample) => {
        const source = given[isRestored ? 0 : sample];
        return ablation || !source ? undefined : floatsOf(tensorIn(source, layer.tensor)).data;
      });
      return Array.from({ length: count }, (_, place) => {
        const entries = entriesOfPlace(layer.grid, place);
        return samples.map((sample, index) => {
          const from = found[isRestored ? sample : 0];
          const own = from?.tensors.get(layer.tensor);
          let change = 0;
          for (const entry of entries) {
            const value = ablation ? ablation.value : Number(putIn[index]?.[entry]);
            change += (value - Number(own?.own.data[entry])) * (own?.slope[entry] ?? Number.NaN);
          }
          return (from?.value ?? Number.NaN) + change;
        });
      });
    },
  };
}

function tensorIn(read: NamedTensors, name: string): Tensor {
  const tensor = read[name];
  if (!tensor) throw new ExperimentError(`The model did not compute '${name}'.`);
  return tensor;
}
