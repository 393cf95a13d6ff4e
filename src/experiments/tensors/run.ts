// Runs a sweep: the clean and the corrupted runs, then layer by layer of each site a row for every place and draw of the noise.

import { dependentOn } from '../../imported/order.ts';
import type { NormalGraph } from '../../imported/piece.ts';
import { editedPlace } from '../../imported/places.ts';
import type { PlanRow, TensorEdit } from '../../imported/plan.ts';
import type { NamedTensors } from '../../imported/runtime.ts';
import { type Tensor, tensorFrom } from '../../imported/tensor.ts';
import { gaussianNoise } from '../../random/noise.ts';
import type { Model } from '../../runtime/model.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { WorkOptions } from '../kind.ts';
import { ranOn } from '../resultParts.ts';
import { seenEntry } from '../seenPicture.ts';
import { type GradientCells, gradientCells } from './gradientCells.ts';
import { aspectEntry } from './patches.ts';
import type { NamedPanel, ResolvedTensors } from './resolve.ts';
import { holdsLayer, type TensorsChange, type TensorsResult, tensorsResultVersion } from './result.ts';
import { panelPlaces } from './sites.ts';
import { type Measure, measureOf } from './watched.ts';

/** Rows of one plan at most: what they keep between stages grows with them. */
const mostRows = 64;

/** A layer of a panel: what runs together, whatever else does. */
export interface TensorsUnit {
  readonly name: string;
  readonly panel: number;
  readonly at: number;
}

export const tensorsUnits = ({ panels }: Pick<ResolvedTensors, 'panels'>): readonly TensorsUnit[] =>
  panels.flatMap(({ site, layers }, panel) =>
    layers.map(({ layer }, at) => ({
      name: `${site}, layer ${layer}`,
      panel,
      at,
    })),
  );

/** Forward, and about twice that back. */
const passesOfSlope = 3;

/** Rows of a unit times the stages that a row may pass; of slopes, which are taken for all units at once, its share. */
export function unitCost(resolved: ResolvedTensors, { panel }: TensorsUnit): number {
  const { panels, samples, opened, experiment } = resolved;
  const stages = opened.imported.sites.stages.length + 1;
  if (experiment.method === 'gradient')
    return Math.ceil((passesOfSlope * samples * stages) / tensorsUnits(resolved).length);
  const found = panels[panel];
  return found ? panelPlaces(found) * samples * stages : 0;
}

/** What a run begins with: its inputs, and what is edited besides the cell. */
type Beginning = Pick<PlanRow, 'inputs' | 'edits'>;

const deviationOf = (values: readonly number[]): number => {
  const mean = values.reduce((sum, value) => sum + value / values.length, 0);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
};

interface Noisy {
  readonly level: number;
  readonly runs: readonly Beginning[];
}

/** @param own the tensor that noise is added to, in the clean run */
function noisyRuns({ clean, noise, samples }: ResolvedTensors, own: Tensor): Noisy {
  if (!noise) throw new ExperimentError('There is no noise in this experiment.');
  const entries = noise.entries ?? Int32Array.from({ length: own.data.length }, (_, entry) => entry);
  const values = Array.from(entries, (entry) => Number(own.data[entry]));
  const level =
    typeof noise.level === 'number' ? noise.level : noise.level.standardDeviations * deviationOf(values);
  if (!(level > 0))
    throw new ExperimentError(
      `The entries of '${noise.tensor}' are all alike, so a multiple of their standard deviation is no noise. Give the level as a number.`,
    );
  const drawn = gaussianNoise(noise.seed, samples * entries.length, level);
  const runs = Array.from({ length: samples }, (_, sample): Beginning => {
    const numbers = Float32Array.from(
      values,
      (value, at) => value + (drawn[sample * entries.length + at] ?? 0),
    );
    if (!noise.isInput)
      return {
        inputs: clean,
        edits: [{ tensor: noise.tensor, entries, value: { kind: 'numbers', numbers } }],
      };
    const whole = Float64Array.from({ length: own.data.length }, (_, entry) => Number(own.data[entry]));
    entries.forEach((entry, at) => {
      whole[entry] = numbers[at] ?? 0;
    });
    const changed = tensorFrom(own.dtype, own.shape, (at) => whole[at] ?? 0);
    return { inputs: { ...clean, [noise.tensor]: changed }, edits: [] };
  });
  return { level, runs };
}

interface Baselines {
  readonly measure: Measure;
  readonly clean: number;
  /** One a sample; null for an ablation. */
  readonly corrupted: readonly number[] | null;
  readonly level: number | null;
  readonly corruptedRuns: readonly Beginning[];
}

/** The shortest number that rounds to the same float32; null for what is no number, which JSON does not have. */
const brief = (value: number): number | null =>
  Number.isFinite(value) ? Number(value.toPrecision(9)) : null;

async function baselinesOf(resolved: ResolvedTensors, signal: AbortSignal | undefined): Promise<Baselines> {
  const { opened, watch, clean, corrupted, reference, noise } = resolved;
  const options = signal ? { signal } : {};
  const { output } = watch;
  const readsNoise = noise && !noise.isInput ? [noise.tensor] : [];
  const plain = (inputs: NamedTensors, more: readonly string[] = []): PlanRow => ({
    inputs,
    edits: [],
    reads: [output, ...more],
  });
  const [first, second] = await opened.imported.run(
    [plain(clean, readsNoise), ...(reference ? [plain(reference)] : [])],
    options,
  );
  const cleanOutput = first?.[output];
  if (!cleanOutput) throw new ExperimentError(`The model did not compute '${output}'.`);
  const measure = measureOf(watch, opened, cleanOutput, second?.[output]);
  const own = noise && (noise.isInput ? clean[noise.tensor] : first?.[noise.tensor]);
  const noisy = own && noisyRuns(resolved, own);
  const corruptedRuns = noisy?.runs ?? (corrupted ? [{ inputs: corrupted, edits: [] }] : []);
  const outputs = await opened.imported.run(
    corruptedRuns.map((run) => ({ ...run, reads: [output] })),
    options,
  );
  const measured = (tensors: NamedTensors): number => {
    const tensor = tensors[output];
    return tensor ? measure.of(tensor) : Number.NaN;
  };
  return {
    measure,
    clean: measure.of(cleanOutput),
    corrupted: corruptedRuns.length === 0 ? null : outputs.map(measured),
    level: noisy?.level ?? null,
    corruptedRuns,
  };
}

function started(
  model: Model,
  { experiment, panels, watch, opened, seen, clean: inputs }: ResolvedTensors,
  { measure, clean, corrupted, level }: Baselines,
): TensorsResult {
  return {
    kind: 'tensors-result',
    version: tensorsResultVersion,
    experiment,
    ...ranOn(model),
    notices: [
      ...panels.flatMap(joinedNotice),
      ...panels.flatMap((panel) => idleNotice(panel, watch.output, opened.imported.graph)),
      ...weakNotice(clean, corrupted),
      ...(experiment.method === 'gradient' ? [firstOrderNotice] : []),
    ],
    watched: measure.name,
    clean: [brief(clean)],
    corrupted: corrupted?.map(brief) ?? null,
    level: level === null ? null : brief(level),
    ...seenEntry(seen),
    ...aspectEntry(inputs),
    panels: panels.map(({ site, layers, patches, names, isTokens }) => ({
      site,
      layers: layers.map(({ layer, tensor }) => ({ layer, tensor })),
      ...(patches ? { patches } : {}),
      names,
      isTokens,
      cells: layers.flatMap(() => names.map(() => null)),
    })),
  };
}

const joinedNotice = ({ site, counts, sizes }: NamedPanel): TensorsResult['notices'] =>
  counts.every((count, axis) => count === sizes[axis])
    ? []
    : [
        {
          code: 'places-joined',
          text: `Positions of ${site} are taken together: ${sizes.join(' × ')} places as ${counts.join(' × ')}.`,
        },
      ];

/** Of layers that what is watched does not hang on: their cells are as the run that they start from. */
function idleNotice(
  { site, layers }: NamedPanel,
  output: string,
  graph: NormalGraph,
): TensorsResult['notices'] {
  const idle = layers.filter(
    ({ tensor }) => tensor !== output && !dependentOn(graph.nodes, [tensor]).has(output),
  );
  if (idle.length === 0) return [];
  const which =
    layers.length === 1
      ? ''
      : ` in ${idle.length === layers.length ? 'any layer' : `layers ${idle.map(({ layer }) => layer).join(', ')}`}`;
  return [
    {
      code: 'site-without-effect',
      text: `${output} is not computed from ${site}${which}, so nothing there changes it. Watch another output.`,
    },
  ];
}

const firstOrderNotice: TensorsResult['notices'][number] = {
  code: 'first-order',
  text: 'The cells are worked out to first order, from the slope of what is watched: no cell was run.',
};

/** Of a corrupted run that measures what the clean one does. */
function weakNotice(clean: number, corrupted: readonly number[] | null): TensorsResult['notices'] {
  if (!corrupted?.every((value) => value === clean)) return [];
  return [
    {
      code: 'weak-corruption',
      text: 'The corrupted run measures exactly what the clean one does, so there is nothing between them to find. Change what the output hangs on.',
    },
  ];
}

/** The rows of some cells: the runs that they take from in front, then one a cell and sample. */
function rowsOf(
  { clean, experiment, watch }: ResolvedTensors,
  { corruptedRuns }: Baselines,
  { layers }: NamedPanel,
  at: number,
  places: readonly number[],
): { readonly rows: readonly PlanRow[]; readonly first: number } {
  const layer = layers[at];
  if (!layer) throw new RangeError(`The panel has no layer ${at}.`);
  const { ablation, direction = 'restore' } = experiment;
  const begin: PlanRow = { inputs: clean, edits: [], reads: [] };
  const sources = [begin, ...corruptedRuns.map((run) => ({ ...run, reads: [] }))];
  const cellRow = (place: number, from: Beginning, value: TensorEdit['value']): PlanRow => ({
    inputs: from.inputs,
    edits: [...from.edits, { tensor: layer.tensor, ...editedPlace(layer.grid, place), value }],
    reads: [watch.output],
  });
  const cells = places.flatMap((place) => {
    if (ablation) return [cellRow(place, begin, { kind: 'number', value: ablation.value })];
    return corruptedRuns.map((run, sample) =>
      direction === 'restore'
        ? cellRow(place, run, rowValue(0, layer.grid, place))
        : cellRow(place, begin, rowValue(1 + sample, layer.grid, place)),
    );
  });
  return { rows: [...sources, ...cells], first: sources.length };
}

/** The same entries of another row. */
function rowValue(
  row: number,
  grid: NamedPanel['layers'][number]['grid'],
  place: number,
): TensorEdit['value'] {
  const { places, entries } = editedPlace(grid, place);
  return {
    kind: 'row',
    row,
    ...(places ? { indices: places.indices } : {}),
    ...(entries ? { entries } : {}),
  };
}

/**
 * @throws the signal's reason when it is aborted; layers that were yielded stay good, and `earlier` lets a later run go on from
 *         them with the same numbers, bit for bit
 */
export async function* runTensors(
  model: Model,
  resolved: ResolvedTensors,
  { earlier, leaveOut, signal, onProgress }: WorkOptions<TensorsResult>,
): AsyncGenerator<TensorsChange, void> {
  const { opened, panels, samples, watch } = resolved;
  const baselines = await baselinesOf(resolved, signal);
  const begun = started(model, resolved, baselines);
  yield { kind: 'started', result: { ...begun, ...(earlier ? { panels: earlier.panels } : {}) } };
  const units = tensorsUnits(resolved);
  const total = units.reduce((sum, unit) => sum + unitCost(resolved, unit), 0);
  let done = 0;
  // Of all sites whichever of them are left out, so that their numbers do not depend on it.
  let slopes: GradientCells | undefined;
  for (const unit of units) {
    const cost = unitCost(resolved, unit);
    const panel = panels[unit.panel];
    const isKnown = earlier !== undefined && holdsLayer(earlier, unit.panel, unit.at);
    if (panel && !isKnown && !leaveOut?.has(unit.name) && resolved.experiment.method === 'gradient') {
      signal?.throwIfAborted();
      slopes ??= await gradientCells(resolved, baselines.measure, baselines.corruptedRuns, signal);
      const cells = slopes.of(unit.panel, unit.at).map((each) => each.map(brief));
      yield { kind: 'cells', panel: unit.panel, at: unit.at, cells };
    } else if (panel && !isKnown && !leaveOut?.has(unit.name)) {
      const cells: (readonly (number | null)[])[] = [];
      const count = panelPlaces(panel);
      const together = Math.max(1, Math.floor(mostRows / samples));
      for (let from = 0; from < count; from += together) {
        signal?.throwIfAborted();
        const to = Math.min(count, from + together);
        const places = Array.from({ length: to - from }, (_, index) => from + index);
        const { rows, first } = rowsOf(resolved, baselines, panel, unit.at, places);
        const results = await opened.imported.run(rows, {
          ...(signal ? { signal } : {}),
          onProgress: (share) =>
            onProgress?.(Math.floor(done + (cost * (from + share * (to - from))) / count), total),
        });
        const values = results.slice(first).map((tensors) => {
          const tensor = tensors[watch.output];
          return tensor ? brief(baselines.measure.of(tensor)) : null;
        });
        for (const [index] of places.entries())
          cells.push(values.slice(index * samples, (index + 1) * samples));
      }
      yield { kind: 'cells', panel: unit.panel, at: unit.at, cells };
    }
    done += cost;
    onProgress?.(done, total);
  }
}
