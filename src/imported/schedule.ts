// When each row of a plan begins, where each tensor that is asked for arises, and how far each row must run. Decided before
// anything runs, and refused in a sentence where it cannot be.

import { didYouMean } from '../messages/nearest.ts';
import { listed, quoted } from '../messages/wording.ts';
import { hasSubgraph, type OnnxGraph } from './onnxFile.ts';
import type { NormalGraph } from './piece.ts';
import { type PlanRow, SiteError, type TensorEdit } from './plan.ts';
import type { TensorFacts } from './probe.ts';
import type { Stage } from './stages.ts';
import { isFloat } from './tensor.ts';

/** Where a tensor can be had: handed to a stage, or computed in it. */
export interface Place {
  readonly stage: number;
  readonly isHanded: boolean;
}

export interface ScheduledEdit extends TensorEdit {
  readonly place: Place;
  /** The tensor is handed on and the edit needs no graph: it is made between two stages. */
  readonly isBetween: boolean;
}

export interface ScheduledRow {
  readonly row: PlanRow;
  readonly edits: readonly ScheduledEdit[];
  /** The row whose states this one begins with; itself where it begins at the beginning. */
  readonly base: number;
  readonly start: number;
  /** Tensors to keep: those read, and those that other rows take. */
  readonly captures: Set<string>;
  /** The last stage that it runs, and whether it enters the one after it only to be read. */
  until: number;
}

/** What is known of a model's tensors. */
export interface Sites {
  readonly graph: NormalGraph;
  readonly tensors: ReadonlyMap<string, TensorFacts>;
  readonly dependent: ReadonlySet<string>;
  readonly stages: readonly Stage[];
  readonly first: ReadonlyMap<string, number>;
}

function* innerGraphs(
  graph: NormalGraph,
): Generator<readonly [OnnxGraph, string, string, readonly string[]]> {
  for (const node of graph.nodes.filter(hasSubgraph))
    for (const { graphs } of node.attributes.values())
      for (const inner of graphs) yield [inner, node.op, node.name || (node.outputs[0] ?? ''), node.outputs];
}

/** `bears on no output where use_cache_branch is false. ...`, of a tensor that is not computed. */
export function leftWords({ fixed }: NormalGraph, why: string): string {
  const [first] = Object.entries(fixed);
  if (!first) return `${why}, whatever the inputs are. Name one that is computed.`;
  const words = Object.entries(fixed).map(([name, value]) => `${name} is ${value}`);
  const [name, value] = first;
  const other = typeof value === 'boolean' ? String(!value) : 'N';
  return `${why} where ${listed(words)}. Name one that is computed, or open the file otherwise: --fix ${name}=${other} on the command line.`;
}

/**
 * The tensor that a name means.
 * @throws SiteError that says why there is nothing to intervene on
 */
export function resolveTensor({ graph, tensors, dependent }: Sites, name: string): string {
  const known = graph.aliases.get(name) ?? name;
  if (dependent.has(known)) return known;
  if (graph.inputs.some((info) => info.name === known))
    throw new SiteError(`${quoted(name)} is an input of the model. Give the row other inputs instead.`);
  if (tensors.has(known) || graph.weights.has(known))
    throw new SiteError(
      `${quoted(name)} does not depend on the input's values; there is nothing to intervene on.`,
    );
  for (const [inner, op, label, outputs] of innerGraphs(graph)) {
    if (!inner.nodes.some((node) => node.outputs.includes(name))) continue;
    throw new SiteError(
      op === 'If'
        ? `${quoted(name)} exists only in one branch of ${quoted(label)}, which depends on the data.`
        : `${quoted(name)} is computed inside the ${op} ${quoted(label)}, once a step. Sites are tensors of the main graph; the ${op}'s outputs are ${listed(outputs)}.`,
    );
  }
  const why = graph.left.get(name);
  if (why !== undefined) throw new SiteError(`${quoted(name)} ${leftWords(graph, why)}`);
  throw new SiteError(
    `The model has no tensor ${quoted(name)}. ${didYouMean(name, dependent)} It has ${dependent.size} that can be read.`,
  );
}

export function placeOf({ stages, first }: Sites, tensor: string): Place {
  const handed = stages.findIndex(({ given }) => given.includes(tensor));
  return handed >= 0 ? { stage: handed, isHanded: true } : { stage: first.get(tensor) ?? 0, isHanded: false };
}

const isBefore = (a: Place, b: Place): boolean =>
  a.stage < b.stage || (a.stage === b.stage && a.isHanded && !b.isHanded);

function scheduleEdit(sites: Sites, edit: TensorEdit): ScheduledEdit {
  const tensor = resolveTensor(sites, edit.tensor);
  const facts = sites.tensors.get(tensor);
  if (!facts) throw new SiteError(`${quoted(edit.tensor)} was not seen when the model was tried.`);
  const rank = facts.shape.length;
  const { places } = edit;
  if (places && !(Number.isInteger(places.axis) && places.axis >= 0 && places.axis < rank))
    throw new SiteError(
      `${quoted(edit.tensor)} has ${rank} axes, 0 to ${rank - 1}; there is no axis ${places.axis}.`,
    );
  if (edit.value.kind === 'formula' && (!isFloat(facts.dtype) || places || edit.entries))
    throw new SiteError(
      places
        ? `A formula takes a whole tensor, and places of ${quoted(edit.tensor)} were named.`
        : `${quoted(edit.tensor)} holds ${facts.dtype} ${facts.dtype === 'int64' ? 'indices' : 'numbers'}; it can be replaced, not computed with.`,
    );
  const place = placeOf(sites, tensor);
  return { ...edit, tensor, place, isBetween: place.isHanded && edit.value.kind !== 'formula' };
}

/** The stage from which on a row with this edit differs. */
const startOf = ({ place, isBetween }: ScheduledEdit): number =>
  isBetween || !place.isHanded ? place.stage : place.stage - 1;

/**
 * @returns the rows of the plan, in their order, followed by rows without edits that some of them begin with
 * @throws SiteError when a tensor does not exist, or is taken from where it is not known yet
 */
export function schedule(sites: Sites, plan: readonly PlanRow[]): readonly ScheduledRow[] {
  const drafts = plan.map((row) => ({ row, edits: row.edits.map((edit) => scheduleEdit(sites, edit)) }));
  const unedited = new Set(plan.filter(({ edits }) => edits.length === 0).map(({ inputs }) => inputs));
  for (const { inputs } of plan) {
    if (unedited.has(inputs)) continue;
    unedited.add(inputs);
    drafts.push({ row: { inputs, edits: [], reads: [] }, edits: [] });
  }
  const beginnings = new Beginnings(drafts.map(({ row }) => row));
  const rows: ScheduledRow[] = drafts.map(({ row, edits }, index) => ({
    row,
    edits,
    base: index,
    start: 0,
    captures: new Set(),
    until: -1,
  }));
  // Rows with fewer edits first: what another begins with is settled before it.
  for (const index of [...drafts.keys()].sort(byEdits(drafts))) {
    const own = rows[index];
    if (!own || own.edits.length === 0) continue;
    for (const base of beginnings.of(index)) {
      const before = rows[base];
      const start = Math.min(...own.edits.slice(before?.edits.length).map(startOf));
      if (!before || before.start > start) continue;
      rows[index] = { ...own, base, start };
      break;
    }
  }
  for (const row of rows) {
    for (const name of row.row.reads) capture(sites, rows, row, resolveTensor(sites, name));
    for (const edit of row.edits) requireSource(sites, rows, row, edit);
  }
  for (const row of rows) {
    for (let at = row; at.start > 0; ) {
      const base = rows[at.base];
      if (!base || base === at) break;
      base.until = Math.max(base.until, at.start - 1);
      at = base;
    }
  }
  return rows;
}

const byEdits =
  (drafts: readonly { readonly edits: readonly unknown[] }[]) =>
  (a: number, b: number): number =>
    (drafts[a]?.edits.length ?? 0) - (drafts[b]?.edits.length ?? 0);

/** Which rows begin as another does: with the same inputs, and with the very same edits in front. */
class Beginnings {
  readonly #rows: readonly PlanRow[];
  readonly #numbers = new Map<object, number>();
  readonly #byKey = new Map<string, number>();

  constructor(rows: readonly PlanRow[]) {
    this.#rows = rows;
    for (const [index, row] of rows.entries()) {
      const key = this.#key(row, row.edits.length);
      if (!this.#byKey.has(key)) this.#byKey.set(key, index);
    }
  }

  #number(object: object): number {
    const known = this.#numbers.get(object) ?? this.#numbers.size;
    this.#numbers.set(object, known);
    return known;
  }

  #key({ inputs, edits }: PlanRow, count: number): string {
    return [inputs, ...edits.slice(0, count)].map((each) => this.#number(each)).join(',');
  }

  /** The rows that a row may begin with, those of most edits first. */
  of(index: number): readonly number[] {
    const row = this.#rows[index];
    if (!row) return [];
    const counts = Array.from({ length: row.edits.length }, (_, count) => row.edits.length - 1 - count);
    return counts.flatMap((count) => {
      const found = this.#byKey.get(this.#key(row, count));
      return found === undefined ? [] : [found];
    });
  }
}

/** Keep a tensor of a row: on the row itself, or on the one it begins with where it arises before. */
function capture(sites: Sites, rows: readonly ScheduledRow[], row: ScheduledRow, tensor: string): void {
  const place = placeOf(sites, tensor);
  const own = holderOf(sites, rows, row, tensor);
  own.captures.add(tensor);
  own.until = Math.max(own.until, place.isHanded ? place.stage - 1 : place.stage);
}

/** Which of the two has the tensor: the row, or the one that it begins with. */
export function holderOf<R extends ScheduledRow>(
  sites: Sites,
  rows: readonly R[],
  row: R,
  tensor: string,
): R {
  const { stage } = placeOf(sites, tensor);
  let holder = row;
  while (stage < holder.start) {
    const base = rows[holder.base];
    if (!base || base === holder) break;
    holder = base;
  }
  return holder;
}

function requireSource(
  sites: Sites,
  rows: readonly ScheduledRow[],
  row: ScheduledRow,
  edit: ScheduledEdit,
): void {
  const { value } = edit;
  if (value.kind !== 'row') return;
  const source = rows[value.row];
  if (!source || source === row)
    throw new SiteError(
      `Row ${value.row} cannot be a source of this one: it is not in the plan, or is the row itself.`,
    );
  const tensor = value.tensor === undefined ? edit.tensor : resolveTensor(sites, value.tensor);
  if (isBefore(edit.place, placeOf(sites, tensor)))
    throw new SiteError(
      `${quoted(tensor)} is computed after ${quoted(edit.tensor)}, so it cannot be put there. A source lies in the same stage or an earlier one.`,
    );
  capture(sites, rows, source, tensor);
}
