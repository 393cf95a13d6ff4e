// A plan, run: stage by stage, all rows that are alive in one, in batches of rows that compute the same. A row begins where
// its edits do, with the states of the row without them.

import { quoted } from '../messages/wording.ts';
import type { Programs } from '../runtime/backends/programs.ts';
import { declaredShape, editKey, maskName, valueName, withEdits } from './editNodes.ts';
import { edited, isPartial, maskOf, putIn } from './editValues.ts';
import { batchName } from './exampleInputs.ts';
import type { GpuStages } from './gpuStages.ts';
import { memoryWeight } from './normalise.ts';
import { type NormalGraph, nodesNeeded, type RunnablePiece } from './piece.ts';
import { type PlanRow, SiteError } from './plan.ts';
import type { Probe, TensorFacts } from './probe.ts';
import type { NamedTensors, OnnxRuntime } from './runtime.ts';
import {
  holderOf,
  placeOf,
  type ScheduledEdit,
  type ScheduledRow,
  type Sites,
  schedule,
} from './schedule.ts';
import type { SizedGraphs } from './sizedGraphs.ts';
import { openSplitPiece } from './splitPiece.ts';
import { joined, sliced, type Tensor } from './tensor.ts';
import type { WeightStore } from './weightStore.ts';

export interface Execution {
  readonly sites: Sites;
  readonly probe: Probe;
  readonly runtime: OnnxRuntime;
  readonly store: WeightStore;
  readonly sized: SizedGraphs;
  readonly pieces: Programs<RunnablePiece>;
  /** Where stages run on a GPU. */
  readonly gpu?: GpuStages | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the share of the work that is done. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** A row on its way. */
interface Traveller extends ScheduledRow {
  readonly index: number;
  state: Map<string, Tensor>;
  readonly captured: Map<string, Tensor>;
  /** States that rows begin with, by the stage. */
  readonly kept: Map<number, ReadonlyMap<string, Tensor>>;
  /** The stage it has been through last. */
  passed: number;
}

/** The axis of a tensor that rows lie along; undefined where there is none, or several. */
export function batchAxisOf({ roles }: Pick<TensorFacts, 'roles'>): number | undefined {
  const axes = roles.flatMap((role, axis) => (role?.split('*').includes(batchName) ? [axis] : []));
  return axes.length === 1 ? axes[0] : undefined;
}

const factsOf = ({ sites }: Execution, name: string): TensorFacts => {
  const facts = sites.tensors.get(name);
  if (!facts) throw new SiteError(`${quoted(name)} was not seen when the model was tried.`);
  return facts;
};

/** What a row computes in a stage: rows with equal ones may share a batch. */
interface Work {
  readonly wanted: readonly string[];
  readonly edits: readonly ScheduledEdit[];
}

function workOf(execution: Execution, row: Traveller, stage: number, needed: ReadonlySet<number>): Work {
  const { stages } = execution.sites;
  const own = stages[stage];
  const goesOn =
    row.until > stage ||
    needed.has(row.index) ||
    [...row.captures].some((name) => {
      const place = placeOf(execution.sites, name);
      return place.isHanded && place.stage === stage + 1;
    });
  const handed =
    goesOn && stages[stage + 1] ? (own?.next ?? []).filter((name) => !own?.given.includes(name)) : [];
  const captured = [...row.captures].filter((name) => {
    const place = placeOf(execution.sites, name);
    return !place.isHanded && place.stage === stage;
  });
  return { wanted: [...new Set([...handed, ...captured])], edits: row.edits };
}

/** The graph's edits that lie in a piece; one that is made after the stage, on what it hands on, is not in it. */
function editsWithin(
  graph: NormalGraph,
  { wanted, edits }: Work,
  given: readonly string[],
  stage: number,
): readonly ScheduledEdit[] {
  const nodes = nodesNeeded(graph.nodes, wanted, new Set(given));
  const computes = new Set(nodes.flatMap(({ outputs }) => outputs));
  return edits.filter(
    ({ tensor, place, isBetween }) => computes.has(tensor) && !(isBetween && place.stage === stage + 1),
  );
}

async function pieceFor(
  execution: Execution,
  graph: NormalGraph,
  sizesKey: string,
  stage: number,
  wanted: readonly string[],
  edits: readonly ScheduledEdit[],
): Promise<RunnablePiece> {
  const { sites, runtime, store, pieces } = execution;
  const given = sites.stages[stage]?.given ?? [];
  const key = [sizesKey, stage, wanted.join(','), edits.map(editKey).join(',')].join('|');
  return pieces.get(key, () => {
    const changed = withEdits(graph.nodes, edits, (name) => factsOf(execution, name));
    const nodes = nodesNeeded(changed.nodes, wanted, new Set(given));
    const weights = new Map(graph.weights);
    for (const [name, tensor] of changed.constants) weights.set(name, memoryWeight(tensor));
    const states = given.map((name) => {
      const facts = factsOf(execution, name);
      return { name, dtype: facts.dtype, shape: declaredShape(facts) };
    });
    const inputs = [...graph.inputs, ...states, ...changed.inputs];
    const piece = { nodes, inputs, outputs: wanted };
    if (!execution.gpu) return openSplitPiece(runtime, store, { ...graph, weights }, piece);
    const edited = edits.map(({ tensor }) => tensor).join(', ');
    return execution.gpu.open({ ...graph, weights }, piece, { stage, given, edits: edited });
  });
}

/** The source's tensor of an edit that takes from another row; undefined where it is not there yet. */
function sourceOf(
  execution: Execution,
  rows: readonly Traveller[],
  edit: ScheduledEdit,
): Tensor | 'later' | undefined {
  const { value } = edit;
  if (value.kind !== 'row') return undefined;
  const row = rows[value.row];
  const name =
    value.tensor === undefined
      ? edit.tensor
      : (execution.sites.graph.aliases.get(value.tensor) ?? value.tensor);
  const holder = row && holderOf(execution.sites, rows, row, name);
  return holder?.captured.get(name) ?? 'later';
}

/** Rows run together: their inputs, states, masks and values one after the other. */
function joinedBy(name: string, tensors: readonly Tensor[], axis: number | undefined): Tensor {
  const [first] = tensors;
  if (!first) throw new SiteError(`${quoted(name)} has no rows.`);
  if (tensors.length === 1) return first;
  if (axis === undefined) throw new SiteError(`${quoted(name)} cannot be joined from several rows.`);
  return joined(tensors, axis);
}

async function runBatch(
  execution: Execution,
  rows: readonly Traveller[],
  batch: readonly Traveller[],
  stage: number,
  work: Work,
): Promise<void> {
  const { probe, sites, sized } = execution;
  const [first] = batch;
  const own = sites.stages[stage];
  if (!first || !own) return;
  const batchAxes = new Map(
    probe.groups.find(({ name }) => name === batchName)?.axes.map(({ input, axis }) => [input, axis]),
  );
  const inputs: Record<string, Tensor> = {};
  for (const { name } of sites.graph.inputs) {
    const each = batch.map(({ row }) => tensorOf(row, name));
    inputs[name] = joinedBy(name, each, batchAxes.get(name));
  }
  const { graph, key } = await sized.at(inputs);
  const edits = editsWithin(graph, work, own.given, stage);
  const piece = await pieceFor(execution, graph, key, stage, work.wanted, edits);
  const feeds: Record<string, Tensor> = { ...inputs };
  for (const name of own.given) {
    const states = batch.map(({ state }) => state.get(name)).filter((state) => state !== undefined);
    feeds[name] = joinedBy(name, states, batchAxisOf(factsOf(execution, name)));
  }
  for (const [index, edit] of edits.entries()) {
    if (edit.value.kind === 'formula') continue;
    const facts = factsOf(execution, edit.tensor);
    const shape = await sized.shapeOf(edit.tensor, first.row.inputs);
    const axis = batchAxisOf(facts);
    const values: Tensor[] = [];
    const masks: Tensor[] = [];
    for (const row of batch) {
      const mine = row.edits.filter((each) => edits.some((other) => editKey(other) === editKey(each)))[index];
      if (!mine)
        throw new SiteError(`Rows with other edits of ${quoted(edit.tensor)} were put into one batch.`);
      const source = sourceOf(execution, rows, mine);
      if (source === 'later') throw new SiteError(`A source of ${quoted(edit.tensor)} was not computed.`);
      values.push(putIn(mine, { dtype: facts.dtype, shape }, source));
      if (isPartial(mine)) masks.push(maskOf(mine, shape, axis ?? -1));
    }
    feeds[valueName(index)] = joinedBy(edit.tensor, values, axis);
    if (isPartial(edit)) feeds[maskName(index)] = joinedBy(edit.tensor, masks, axis);
  }
  const results = await piece.run(feeds, work.wanted);
  distribute(execution, batch, stage, work.wanted, results);
}

function tensorOf(row: PlanRow, name: string): Tensor {
  const tensor = row.inputs[name];
  if (!tensor) throw new SiteError(`The model needs an input ${quoted(name)}, which was not given.`);
  return tensor;
}

function distribute(
  execution: Execution,
  batch: readonly Traveller[],
  stage: number,
  wanted: readonly string[],
  results: NamedTensors,
): void {
  const own = execution.sites.stages[stage];
  const states = batch.map(({ state }) => new Map([...state].filter(([name]) => own?.next.includes(name))));
  for (const name of wanted) {
    const whole = results[name];
    if (!whole) throw new SiteError(`The runtime gave no ${quoted(name)}.`);
    const axis = batch.length === 1 ? undefined : batchAxisOf(factsOf(execution, name));
    const share = axis === undefined ? 0 : (whole.shape[axis] ?? 0) / batch.length;
    for (const [index, row] of batch.entries()) {
      const part = axis === undefined ? whole : sliced(whole, axis, index * share, (index + 1) * share);
      if (own?.next.includes(name)) states[index]?.set(name, part);
      const place = placeOf(execution.sites, name);
      if (row.captures.has(name) && !place.isHanded) row.captured.set(name, part);
    }
  }
  for (const [index, row] of batch.entries()) {
    row.state = states[index] ?? new Map();
    row.passed = stage;
  }
}

/** What a row meets on entering a stage: the states it begins with, edits between stages, what is read of it. */
function enter(execution: Execution, rows: readonly Traveller[], row: Traveller, stage: number): boolean {
  if (row.start === stage && row.base !== row.index) {
    const state = rows[row.base]?.kept.get(stage);
    if (!state) return stage === 0;
    row.state = new Map(state);
  }
  const between = row.edits.filter(({ isBetween, place }) => isBetween && place.stage === stage);
  const sources = between.map((edit) => sourceOf(execution, rows, edit));
  if (sources.includes('later')) return false;
  for (const [index, edit] of between.entries()) {
    const state = row.state.get(edit.tensor);
    const source = sources[index];
    if (!state || source === 'later') throw new SiteError(`${quoted(edit.tensor)} was not handed on.`);
    row.state.set(edit.tensor, edited(edit, state, source));
  }
  for (const [name, state] of row.state) {
    const place = placeOf(execution.sites, name);
    if (place.isHanded && place.stage === stage && row.captures.has(name)) row.captured.set(name, state);
  }
  return true;
}

/** Whether what the row's edits in a stage take from other rows is there. */
function isReady(execution: Execution, rows: readonly Traveller[], row: Traveller, stage: number): boolean {
  return row.edits
    .filter(({ isBetween, place }) => !isBetween && place.stage <= stage)
    .every((edit) => sourceOf(execution, rows, edit) !== 'later');
}

/** How many rows of these inputs go through a stage together. */
function largestBatch(execution: Execution, work: Work, stage: number): number {
  const { probe, sites } = execution;
  if (!probe.rowsAreIndependent) return 1;
  const axes = probe.groups.find(({ name }) => name === batchName)?.axes ?? [];
  if (sites.graph.inputs.some(({ name }) => !axes.some(({ input }) => input === name))) return 1;
  const handled = [
    ...work.wanted,
    ...(sites.stages[stage]?.given ?? []),
    ...work.edits.map(({ tensor }) => tensor),
  ];
  const isJoined = (name: string): boolean => batchAxisOf(factsOf(execution, name)) !== undefined;
  return handled.every(isJoined) ? execution.sized.rowsTogether : 1;
}

const shapeKey = ({ inputs }: PlanRow): string =>
  Object.entries(inputs)
    .map(([name, { shape }]) => `${name}:${shape.join('x')}`)
    .join(';');

/** Rows in batches: of few sizes, because each size is a graph of its own. */
function batchesOf(rows: readonly Traveller[], most: number): readonly (readonly Traveller[])[] {
  const batches: Traveller[][] = [];
  for (let at = 0; at < rows.length; ) {
    const left = rows.length - at;
    const size = left >= most ? most : left >= most / 4 && most >= 4 ? Math.floor(most / 4) : 1;
    batches.push(rows.slice(at, at + size));
    at += size;
  }
  return batches;
}

async function runStage(execution: Execution, rows: readonly Traveller[], stage: number): Promise<void> {
  const startedHere = new Set(
    rows.filter((row) => row.start === stage + 1 && row.base !== row.index).map(({ base }) => base),
  );
  const waiting = new Set(
    rows.filter((row) => row.start <= stage && (row.until >= stage - 1 || row.start === stage)),
  );
  const entered = new Set<Traveller>();
  while (waiting.size > 0) {
    const groups = new Map<string, { readonly work: Work; readonly rows: Traveller[] }>();
    let moved = false;
    for (const row of waiting) {
      if (!entered.has(row)) {
        if (!enter(execution, rows, row, stage)) continue;
        entered.add(row);
        moved = true;
        if (rows.some((other) => other.base === row.index && other !== row && other.start === stage))
          row.kept.set(stage, new Map(row.state));
      }
      if (stage >= execution.sites.stages.length || row.until < stage) {
        waiting.delete(row);
        continue;
      }
      if (!isReady(execution, rows, row, stage)) continue;
      const work = workOf(execution, row, stage, startedHere);
      const key = [shapeKey(row.row), work.wanted.join(','), work.edits.map(editKey).join(',')].join('|');
      const group = groups.get(key) ?? { work, rows: [] };
      group.rows.push(row);
      groups.set(key, group);
    }
    for (const { work, rows: together } of groups.values()) {
      for (const batch of batchesOf(together, largestBatch(execution, work, stage))) {
        execution.signal?.throwIfAborted();
        await runBatch(execution, rows, batch, stage, work);
        for (const row of batch) waiting.delete(row);
        moved = true;
      }
    }
    if (!moved) throw new SiteError('Rows wait for each other: each is a source of the other in one stage.');
  }
}

/** @returns for each row of the plan what it reads, by the names that were asked for */
export async function executePlan(
  execution: Execution,
  plan: readonly PlanRow[],
): Promise<readonly NamedTensors[]> {
  const rows = schedule(execution.sites, plan).map(
    (row, index): Traveller => ({
      ...row,
      index,
      state: new Map(),
      captured: new Map(),
      kept: new Map(),
      passed: -1,
    }),
  );
  const last = execution.sites.stages.length;
  for (let stage = 0; stage <= last; stage++) {
    await runStage(execution, rows, stage);
    execution.onProgress?.((stage + 1) / (last + 1));
  }
  return plan.map((row, index) =>
    Object.fromEntries(
      row.reads.map((name) => {
        const tensor = execution.sites.graph.aliases.get(name) ?? name;
        const scheduled = rows[index];
        const holder = scheduled && holderOf(execution.sites, rows, scheduled, tensor);
        const value = holder?.captured.get(tensor);
        if (!value) throw new SiteError(`${quoted(name)} was not computed.`);
        return [name, value];
      }),
    ),
  );
}
