// Plans of the engine (prompts, edits of components, reads) as rows of an imported model. A replacement is made inside of the
// model; any other formula is computed beside it, from what the row has there, and put in.

import type { ExecuteOptions } from '../runtime/forward/execute.ts';
import {
  type Edit,
  type Location,
  type Plan,
  PlanError,
  type ReadResult,
  type Row,
  replace,
  type Site,
} from '../runtime/plan/plan.ts';
import type { Schedule, ScheduledEdit } from '../runtime/plan/scheduled.ts';
import type { ImportedModel } from './importedModel.ts';
import type { PlanRow, TensorEdit } from './plan.ts';
import { floatsIn, type Tensor } from './tensor.ts';
import { type TokenComponents, type Units, unitsOf } from './tokenComponents.ts';
import type { TokenInputs } from './tokenInputs.ts';
import type { UnitGraphs, UnitValues } from './unitGraphs.ts';

/** float32 numbers of a tensor. */
function floatsOf(tensor: Tensor): Float32Array {
  const floats = floatsIn(tensor);
  if (floats) return floats;
  throw new PlanError(`A component holds ${tensor.dtype}; only floating-point numbers are read.`);
}

export interface Place extends Units {
  readonly tensor: string;
}

/** What a formula was computed of, beside the model. */
export interface Computed {
  readonly base: UnitValues;
  readonly source?: UnitValues;
  /** The tensor of the row itself that the source is of. */
  readonly ownSource?: string;
}

/**
 * A row of a plan without forks: its tokens, and all edits from the beginning on, in the order of computing. An edit is one
 * row's own, for what a formula gives depends on what the row has there; a fork has besides what its parent had when it left.
 */
export interface Whole {
  readonly tokens: readonly number[];
  readonly edits: readonly ScheduledEdit[];
}

export class TokenPlans {
  readonly #model: ImportedModel;
  readonly #inputs: TokenInputs;
  readonly #components: TokenComponents;
  readonly #graphs: UnitGraphs;

  constructor(model: ImportedModel, inputs: TokenInputs, components: TokenComponents, graphs: UnitGraphs) {
    this.#model = model;
    this.#inputs = inputs;
    this.#components = components;
    this.#graphs = graphs;
  }

  /** The entries that a location means. @param length positions of the sequence */
  place({ component, layer }: Site, location: Location, length: number): Place {
    const found = this.#components.components.find(({ description }) => description.name === component);
    const tensor = found?.tensors[layer ?? 0];
    if (!found || tensor === undefined) throw new PlanError(`There is no '${component}' in layer ${layer}.`);
    const positions =
      location.positions === 'all' ? Array.from({ length }, (_, position) => position) : location.positions;
    return { tensor, ...unitsOf(found, positions, location.heads, length) };
  }

  #take({ entries, shape }: Units, tensor: Tensor | undefined): UnitValues {
    if (!tensor) throw new PlanError('A component was not computed.');
    const numbers = floatsOf(tensor);
    return { shape, data: Float32Array.from(entries, (entry) => numbers[entry] ?? Number.NaN) };
  }

  /** @param rows of the plan, without forks */
  async #resolved(
    rows: readonly Whole[],
    options: ExecuteOptions,
    computed?: Map<Edit, Computed>,
  ): Promise<ReadonlyMap<Edit, TensorEdit>> {
    const done = new Map<Edit, TensorEdit>();
    const rowsOf = new Map<Edit, number>();
    for (const [index, { edits }] of rows.entries())
      for (const edit of edits) if (!rowsOf.has(edit)) rowsOf.set(edit, index);
    for (const [edit, row] of rowsOf) {
      const isCopy = edit.source?.kind === 'row';
      const direct = computed && isCopy ? undefined : this.#direct(edit, rows, row);
      if (direct) done.set(edit, direct);
    }
    const isDone = (index: number): boolean => rows[index]?.edits.every((edit) => done.has(edit)) ?? true;
    while (done.size < rowsOf.size) {
      // The first open edit of each row whose source, where that is a row, is settled.
      const next = [...rowsOf].flatMap(([edit, row]) => {
        const first = rows[row]?.edits.find((each) => !done.has(each));
        const isReady = edit.source?.kind !== 'row' || isDone(edit.source.row);
        return first === edit && isReady ? [{ edit, row }] : [];
      });
      if (next.length === 0) throw new PlanError('Rows wait for each other: each is a source of the other.');
      await this.#computeBeside(rows, next, done, options, computed);
    }
    return done;
  }

  /** An edit that is made inside of the model. */
  #direct(
    { site, location, fragment, source }: Edit,
    rows: readonly Whole[],
    row: number,
  ): TensorEdit | undefined {
    if (fragment.key !== replace.key || !source || source.kind === 'own') return undefined;
    const { tensor, entries } = this.place(site, location, rows[row]?.tokens.length ?? 0);
    if (source.kind === 'tensor')
      return { tensor, entries, value: { kind: 'numbers', numbers: source.data } };
    const from = this.place(source.site, source.location, rows[source.row]?.tokens.length ?? 0);
    return {
      tensor,
      entries,
      value: { kind: 'row', row: source.row, tensor: from.tensor, entries: from.entries },
    };
  }

  /** Compute formulas from what their rows have there, and make replacements of them. */
  async #computeBeside(
    rows: readonly Whole[],
    next: readonly { readonly edit: Edit; readonly row: number }[],
    done: Map<Edit, TensorEdit>,
    { signal }: ExecuteOptions,
    computed: Map<Edit, Computed> | undefined,
  ): Promise<void> {
    const plan: { inputs: PlanRow['inputs']; edits: readonly TensorEdit[]; reads: string[] }[] = rows.map(
      ({ tokens, edits }) => {
        const open = edits.findIndex((edit) => !done.has(edit));
        const before = (open < 0 ? edits : edits.slice(0, open)).flatMap((edit) => done.get(edit) ?? []);
        return { inputs: this.#inputs.of(tokens), edits: before, reads: [] };
      },
    );
    const asked = next.map(({ edit, row }) => {
      const length = rows[row]?.tokens.length ?? 0;
      const base = this.place(edit.site, edit.location, length);
      plan[row]?.reads.push(base.tensor);
      const { source } = edit;
      if (source?.kind === 'row') {
        const from = this.place(source.site, source.location, rows[source.row]?.tokens.length ?? 0);
        plan[source.row]?.reads.push(from.tensor);
        return { edit, row, base, from, fromRow: source.row };
      }
      if (source?.kind === 'own') {
        const own = { component: source.component, layer: edit.site.layer };
        const from = this.place(own, edit.location, length);
        plan[row]?.reads.push(from.tensor);
        return { edit, row, base, from, fromRow: row };
      }
      return { edit, row, base };
    });
    const results = await this.#model.run(plan, signal ? { signal } : {});
    for (const { edit, row, base, from, fromRow } of asked) {
      const values = this.#take(base, results[row]?.[base.tensor]);
      const source =
        from && fromRow !== undefined
          ? this.#take(from, results[fromRow]?.[from.tensor])
          : edit.source?.kind === 'tensor'
            ? { shape: base.shape, data: edit.source.data }
            : undefined;
      const numbers = await this.#graphs.edit(edit.fragment, values, source);
      computed?.set(edit, {
        base: values,
        ...(source ? { source } : {}),
        ...(from && edit.source?.kind === 'own' ? { ownSource: from.tensor } : {}),
      });
      done.set(edit, { tensor: base.tensor, entries: base.entries, value: { kind: 'numbers', numbers } });
    }
  }

  /** What is computed first stands first, edits of one component as they were given: a formula takes what those before it left. */
  #inOrder(edits: readonly ScheduledEdit[]): readonly ScheduledEdit[] {
    const names = this.#components.components.map(({ description }) => description.name);
    return [...edits].sort(
      (a, b) => a.stage - b.stage || names.indexOf(a.site.component) - names.indexOf(b.site.component),
    );
  }

  /**
   * The rows of a plan without forks, and what takes the place of each of their edits.
   * @param computed takes what formulas were computed of; copies from other rows are then numbers, as formulas are
   */
  async rowsOf(
    plan: Plan,
    schedule: Schedule,
    options: ExecuteOptions,
    computed?: Map<Edit, Computed>,
  ): Promise<{ readonly rows: readonly Whole[]; readonly edits: ReadonlyMap<Edit, TensorEdit> }> {
    const wholes: Whole[] = [];
    const wholeOf = (index: number): Whole => {
      const known = wholes[index];
      if (known) return known;
      const own = schedule.rows[index]?.edits ?? [];
      const { tokens, edits } = withoutFork(plan.rows[index], own, wholeOf);
      const made = { tokens, edits: this.#inOrder(edits) };
      wholes[index] = made;
      return made;
    };
    const rows = plan.rows.map((_, index) => wholeOf(index));
    return { rows, edits: await this.#resolved(rows, options, computed) };
  }

  /** What the model is given for a row, and read of it: each tensor once. */
  planRow({ tokens, edits }: Whole, made: ReadonlyMap<Edit, TensorEdit>, reads: readonly string[]): PlanRow {
    return {
      inputs: this.#inputs.of(tokens),
      edits: edits.flatMap((edit) => made.get(edit) ?? []),
      reads: [...new Set(reads)],
    };
  }

  /** What a read is answered of the tensor that was read. */
  async answer(
    { reduction }: Pick<Plan['reads'][number], 'reduction'>,
    place: Place,
    tensor: Tensor | undefined,
  ): Promise<ReadResult> {
    const value = this.#take(place, tensor);
    return reduction ? this.#graphs.reduce(reduction, value) : { value };
  }

  async run(plan: Plan, schedule: Schedule, options: ExecuteOptions): Promise<readonly ReadResult[]> {
    const { rows, edits } = await this.rowsOf(plan, schedule, options);
    const places = plan.reads.map(({ row, site, location }) =>
      this.place(site, location, rows[row]?.tokens.length ?? 0),
    );
    const readsOf = (index: number): readonly string[] =>
      plan.reads.flatMap(({ row }, read) => (row === index ? (places[read]?.tensor ?? []) : []));
    const results = await this.#model.run(
      rows.map((row, index) => this.planRow(row, edits, readsOf(index))),
      {
        ...(options.signal ? { signal: options.signal } : {}),
        onProgress: (done) => options.onProgress?.(Math.round(done * schedule.rowLayers), schedule.rowLayers),
      },
    );
    const answers: ReadResult[] = [];
    for (const [index, read] of plan.reads.entries()) {
      const place = places[index];
      if (!place) throw new PlanError('A read was not answered.');
      const answer = await this.answer(read, place, results[read.row]?.[place.tensor]);
      answers.push(answer);
      options.onRead?.(index, answer);
    }
    return answers;
  }
}

/**
 * Whether an edit of a parent is one of a fork that enters a layer and carries the positions from `position` on.
 * @throws PlanError for one that is so at some of its positions alone
 */
function isInherited(
  { stage, target, site }: ScheduledEdit,
  { layer, position }: { readonly layer: number; readonly position: number },
): boolean {
  const before = target.positions.filter((each) => each < position).length;
  if (stage < layer || before === target.positions.length) return true;
  if (before === 0) return false;
  throw new PlanError(
    `An edit of '${site.component}' lies before position ${position} and behind it, where a row forks from the one that it edits. In a model brought as ONNX edit the two parts by themselves.`,
  );
}

function withoutFork(
  row: Row | undefined,
  edits: readonly ScheduledEdit[],
  wholeOf: (index: number) => Whole,
): Whole {
  if (!row) throw new PlanError('A row forks from one that is not in the plan.');
  const { start } = row;
  switch (start.kind) {
    case 'tokens':
      if (start.source) throw new PlanError('A model brought as ONNX is given one sequence.');
      return { tokens: start.tokens, edits };
    case 'fork': {
      const parent = wholeOf(start.parent);
      const inherited = parent.edits.filter((edit) => isInherited(edit, start)).map((edit) => ({ ...edit }));
      return { tokens: parent.tokens, edits: [...inherited, ...edits] };
    }
    case 'input':
    case 'kept':
      throw new PlanError('A model brought as ONNX begins with tokens here.');
    default:
      return start satisfies never;
  }
}
