// Gradients of plans of the engine over an imported model: rows as inputs under edits, terms and places as entries of tensors.
// A fork computes from its tokens what its parent computes too, so gradients are taken of each row by itself.

import type { Backend, DeviceTensor } from '../runtime/backends/backend.ts';
import type { GradientOptions, GradientRequest } from '../runtime/backward/gradientExecution.ts';
import type { GradientResult, Term } from '../runtime/backward/objective.ts';
import {
  type Edit,
  type Fragment,
  PlanError,
  type ReadResult,
  type ReadTensor,
} from '../runtime/plan/plan.ts';
import type { EditFormula, GradientRow, ObjectiveTerm, RowGradients, Units } from './backward/objective.ts';
import type { ImportedModel } from './importedModel.ts';
import { SiteError, type TensorEdit } from './plan.ts';
import type { Tensor } from './tensor.ts';
import type { Computed, Place, TokenPlans, Whole } from './tokenPlans.ts';

type Parameters = Fragment['parameters'];

const floatTensor = (data: Float32Array, shape: readonly number[]): Tensor => ({
  dtype: 'float32',
  shape,
  data,
});

/** Gradients that would have to pass from one row to another. @throws PlanError that says which */
function refuseBetweenRows({ plan, schedule, needs, at }: GradientRequest): void {
  for (const [row, { edits }] of schedule.rows.entries())
    for (const { origin, stage, site } of edits)
      if (origin && needs.isNeeded(row, stage) && needs.dependsAt(origin.row, origin.stage))
        throw new PlanError(
          `Row ${row} takes '${site.component}' from row ${origin.row}, on which something that gradients are asked of bears. In a model brought as ONNX gradients do not pass from row to row.`,
        );
  const parents = new Set(plan.rows.flatMap(({ start }) => (start.kind === 'fork' ? [start.parent] : [])));
  const stray = at.find(({ row }) => parents.has(row));
  if (stray)
    throw new PlanError(
      `Gradients are asked at row ${stray.row}, from which another forks. In a model brought as ONNX ask for them at the fork, which computes it all.`,
    );
}

/** Units that a fragment sees as one vector. */
function together({ joined = 1 }: Fragment, { shape, data }: Units): Units {
  const [units = 1, width = 1] = shape;
  return joined === 1 ? { shape, data } : { shape: [units / joined, width * joined], data };
}

export class TokenGradients {
  readonly #model: ImportedModel;
  readonly #plans: TokenPlans;
  readonly #backend: Backend;

  constructor(model: ImportedModel, plans: TokenPlans, backend: Backend) {
    this.#model = model;
    this.#plans = plans;
    this.#backend = backend;
  }

  async #read(parameters: Parameters): Promise<Readonly<Record<string, Tensor>>> {
    const read: Record<string, Tensor> = {};
    for (const [name, own] of Object.entries(parameters)) {
      const data = 'tensor' in own ? await this.#backend.read(own.tensor) : own.data;
      read[name] = floatTensor(Float32Array.from(data), own.shape);
    }
    return read;
  }

  #formulaOf(
    fragment: Fragment,
    computed: Computed,
    parameters: Readonly<Record<string, Tensor>>,
    wanted: ReadonlySet<Parameters>,
  ): EditFormula {
    const { base, source, ownSource } = computed;
    return {
      key: `${fragment.key} ${fragment.joined ?? 1}`,
      base: together(fragment, base),
      ...(source ? { source: together(fragment, source) } : {}),
      ...(ownSource === undefined ? {} : { ownSource }),
      parameters,
      isWanted: wanted.has(fragment.parameters),
      build: (own, from, parameter) =>
        fragment.build({ base: own, ...(from ? { source: from } : {}), parameter }),
    };
  }

  #termOf({ objective, perUnit = {}, weight = 1 }: Term, { tensor, entries, shape }: Place): ObjectiveTerm {
    return {
      tensor,
      entries,
      shape,
      key: objective.key,
      weight,
      build: (value, named) => objective.build({ value, perUnit: named }),
      perUnit: Object.fromEntries(
        Object.entries(perUnit).map(([name, { data, width }]): readonly [string, Tensor] => [
          name,
          {
            dtype: data instanceof Int32Array ? 'int32' : 'float32',
            shape: [data.length / width, width],
            data,
          },
        ]),
      ),
    };
  }

  /** @throws PlanError for what no gradient passes, in the words of the file's own nodes */
  async run(request: GradientRequest, options: GradientOptions): Promise<GradientResult> {
    refuseBetweenRows(request);
    const { plan, forward, schedule } = request;
    const { at = [], terms, of = [], reads = [] } = plan;
    const computed = new Map<Edit, Computed>();
    const { rows, edits } = await this.#plans.rowsOf(forward, schedule, options, computed);
    const wanted = new Set(of);
    const read = new Map<Parameters, Readonly<Record<string, Tensor>>>();
    const placeOf = (read: Pick<Term, 'row' | 'site' | 'location'>): Place =>
      this.#plans.place(read.site, read.location, rows[read.row]?.tokens.length ?? 0);
    const places = { reads: reads.map(placeOf), terms: terms.map(placeOf), at: at.map(placeOf) };
    const ofRow = <T extends { readonly row: number }, R>(
      list: readonly T[],
      row: number,
      pick: (item: T, index: number) => R,
    ): readonly R[] => list.flatMap((item, index) => (item.row === row ? [pick(item, index)] : []));
    const asked: GradientRow[] = [];
    for (const [index, row] of rows.entries()) {
      const readNames = ofRow(reads, index, (_, read) => places.reads[read]?.tensor ?? '');
      asked.push({
        ...this.#plans.planRow(row, edits, readNames),
        at: [...new Set(ofRow(at, index, (_, place) => places.at[place]?.tensor ?? ''))],
        terms: ofRow(terms, index, (term, place) => this.#termOf(term, placeAt(places.terms, place))),
        formulas: await this.#formulas(row, edits, computed, wanted, read),
      });
    }
    const total = schedule.rowLayers + request.needs.rowStages;
    const found = await this.#model
      .gradients(asked, {
        ...(options.signal ? { signal: options.signal } : {}),
        onProgress: (done) => options.onProgress?.(Math.round(done * total), total),
      })
      .catch((error: unknown): never => {
        throw error instanceof SiteError ? new PlanError(error.message, { cause: error }) : error;
      });
    const answers: ReadResult[] = [];
    for (const [index, read] of reads.entries()) {
      const place = placeAt(places.reads, index);
      const answer = await this.#plans.answer(read, place, found[read.row]?.reads[place.tensor]);
      answers.push(answer);
      options.onRead?.(index, answer);
    }
    const results = termResults(terms, found);
    const objective = terms.reduce(
      (sum, { weight = 1 }, index) =>
        sum + weight * (results[index] ?? new Float32Array()).reduce((a, b) => a + b, 0),
      0,
    );
    const sums = parameterSums(of, rows, edits, found);
    return {
      objective,
      terms: results,
      reads: answers,
      at: at.map(({ row }, index) => entriesOf(placeAt(places.at, index), found[row])),
      of: options.onParameters ? await this.#hand(sums, objective, options.onParameters) : sums,
    };
  }

  /** @param read the parameters that were read: edits share them */
  async #formulas(
    { edits }: Whole,
    made: ReadonlyMap<Edit, TensorEdit>,
    computed: ReadonlyMap<Edit, Computed>,
    wanted: ReadonlySet<Parameters>,
    read: Map<Parameters, Readonly<Record<string, Tensor>>>,
  ): Promise<ReadonlyMap<TensorEdit, EditFormula>> {
    const formulas = new Map<TensorEdit, EditFormula>();
    for (const edit of edits) {
      const [own, of] = [made.get(edit), computed.get(edit)];
      if (!own || !of) continue;
      const { fragment } = edit;
      const parameters = read.get(fragment.parameters) ?? (await this.#read(fragment.parameters));
      read.set(fragment.parameters, parameters);
      formulas.set(own, this.#formulaOf(fragment, of, parameters, wanted));
    }
    return formulas;
  }

  /** The sums on the device, for as long as they are taken. */
  async #hand(
    sums: readonly Readonly<Record<string, ReadTensor>>[],
    objective: number,
    take: NonNullable<GradientOptions['onParameters']>,
  ): Promise<readonly []> {
    const uploaded: DeviceTensor[] = [];
    const onDevice = sums.map((named) =>
      Object.fromEntries(
        Object.entries(named).map(([name, { data, shape }]) => {
          const tensor = this.#backend.upload(data, shape);
          uploaded.push(tensor);
          return [name, tensor] as const;
        }),
      ),
    );
    try {
      await take(onDevice, objective);
      return [];
    } finally {
      for (const tensor of uploaded) this.#backend.dispose(tensor);
    }
  }
}

function placeAt(places: readonly Place[], index: number): Place {
  const place = places[index];
  if (!place) throw new PlanError('A place of a gradient is missing.');
  return place;
}

/** In the order of the plan's terms; a row has its own in the same order. */
function termResults(terms: readonly Term[], rows: readonly RowGradients[]): readonly Float32Array[] {
  const next = rows.map(() => 0);
  return terms.map(({ row }) => {
    const at = next[row] ?? 0;
    next[row] = at + 1;
    return rows[row]?.terms[at] ?? new Float32Array();
  });
}

function entriesOf({ tensor, entries, shape }: Place, row: RowGradients | undefined): ReadTensor {
  const whole = row?.at[tensor]?.data;
  return { shape, data: Float32Array.from(entries, (entry) => whole?.[entry] ?? Number.NaN) };
}

/** Over all rows, those included in which a fork repeats the edits of its parent. */
function parameterSums(
  of: readonly Parameters[],
  rows: readonly Whole[],
  edits: ReadonlyMap<Edit, TensorEdit>,
  found: readonly RowGradients[],
): readonly Readonly<Record<string, ReadTensor>>[] {
  return of.map((parameters) =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, { shape }]) => {
        const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
        for (const [index, row] of rows.entries())
          for (const edit of row.edits) {
            const own = edit.fragment.parameters === parameters ? edits.get(edit) : undefined;
            const part = own && found[index]?.parameters.get(own)?.[name];
            part?.data.forEach((value, at) => {
              data[at] = (data[at] ?? 0) + value;
            });
          }
        return [name, { shape, data }] as const;
      }),
    ),
  );
}
