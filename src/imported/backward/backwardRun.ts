// Gradients of rows of a file: the file runs as it does, and is read where the way back begins and of what it needs beside; then
// each row's backward graph. It must compute the objective's tensors as the file did, or nothing is handed over.

import { quoted } from '../../messages/wording.ts';
import { encodeModel } from '../../onnx/codec.ts';
import type { Programs } from '../../runtime/backends/programs.ts';
import type { NormalGraph } from '../piece.ts';
import { type PlanRow, SiteError } from '../plan.ts';
import type { TensorFacts } from '../probe.ts';
import type { NamedTensors, OnnxRuntime, OnnxSession } from '../runtime.ts';
import type { SizedGraphs } from '../sizedGraphs.ts';
import { isFloat, type Tensor } from '../tensor.ts';
import type { WeightStore } from '../weightStore.ts';
import { backwardGraph, type EditOnWay, numbersEdit } from './backwardGraph.ts';
import { type Feeds, floatsOf, type RowNumbers } from './feeds.ts';
import type { GradientRow, RowGradients, Units } from './objective.ts';
import { findWay, type Way } from './way.ts';

/** A backward graph, ready to run. */
export interface BackwardProgram {
  readonly session: OnnxSession;
  readonly feeds: Feeds;
  readonly inputs: readonly string[];
  readonly outputs: ReadonlySet<string>;
  dispose(): Promise<void>;
}

export interface BackwardExecution {
  readonly runtime: OnnxRuntime;
  readonly store: WeightStore;
  readonly sized: SizedGraphs;
  readonly tensors: ReadonlyMap<string, TensorFacts>;
  readonly programs: Programs<BackwardProgram>;
  /** Runs rows of the file. */
  readonly run: (rows: readonly PlanRow[]) => Promise<readonly NamedTensors[]>;
  readonly signal?: AbortSignal | undefined;
  /** Called with the share of the work that is done. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** How far what is computed again may lie from the file's own numbers, as a share of the largest of them. */
const tolerance = { float32: 1e-3, float16: 3e-2 };

interface Prepared {
  readonly row: GradientRow;
  readonly graph: NormalGraph;
  readonly sizes: string;
  readonly way: Way;
  readonly edits: readonly EditOnWay[];
  /** Tensors to read of the row's run. */
  readonly reads: readonly string[];
}

const factsOf = ({ tensors }: BackwardExecution, name: string): TensorFacts | undefined => tensors.get(name);

/** @throws SiteError for an operator without a rule, before anything runs */
async function prepared(execution: BackwardExecution, row: GradientRow): Promise<Prepared> {
  const { graph, key } = await execution.sized.at(row.inputs);
  const wantedOf = row.edits.filter((edit) => row.formulas.get(edit)?.isWanted);
  const starts = new Set([...row.at, ...wantedOf.map(({ tensor }) => tensor)]);
  const ends = new Set(row.terms.map(({ tensor }) => tensor));
  const way = findWay(graph, {
    starts,
    ends,
    isFloat: (name) => isFloat(factsOf(execution, name)?.dtype ?? 'bool'),
  });
  const computed = new Set(way.nodes.flatMap(({ outputs }) => outputs));
  const edits = row.edits.flatMap((edit, index): readonly EditOnWay[] => {
    const formula = row.formulas.get(edit);
    const isOnWay =
      way.carries.has(edit.tensor) &&
      (computed.has(edit.tensor) || wantedOf.some((own) => own.tensor === edit.tensor));
    if (!isOnWay) return [];
    if (formula?.ownSource !== undefined && way.carries.has(formula.ownSource))
      throw new SiteError(
        `There is no gradient at ${quoted(formula.ownSource)} here: an edit of ${quoted(edit.tensor)} takes from it, beside the file's own graph.`,
      );
    return [{ index, edit: numbersEdit(edit), formula }];
  });
  const begins = [...way.carries].filter((name) => !computed.has(name));
  const reads = [...row.reads, ...way.given, ...begins, ...ends].filter((name) => !(name in row.inputs));
  return { row, graph, sizes: key, way, edits, reads: [...new Set(reads)] };
}

const shapeText = ({ dtype, shape }: Tensor): string => `${dtype}${shape.join('x')}`;

/** Rows with equal ones have the same backward graph. */
function programKey({ row, sizes, edits }: Prepared): string {
  return JSON.stringify([
    sizes,
    row.at,
    edits.map(({ index, edit, formula }) => [
      index,
      edit.tensor,
      edit.entries.length,
      formula && [
        formula.key,
        formula.isWanted,
        formula.base.shape,
        formula.source?.shape,
        Object.entries(formula.parameters).map(([name, tensor]) => [name, shapeText(tensor)]),
      ],
    ]),
    row.terms.map(({ tensor, shape, key, perUnit }) => [
      tensor,
      shape,
      key,
      Object.entries(perUnit).map(([name, own]) => [name, shapeText(own)]),
    ]),
  ]);
}

async function programOf(
  execution: BackwardExecution,
  own: Prepared,
  numbers: RowNumbers,
): Promise<BackwardProgram> {
  const { store, runtime, programs } = execution;
  const { graph, way, row, edits } = own;
  return programs.get(programKey(own), async () => {
    for (const { inputs } of way.nodes)
      for (const name of inputs) {
        const weight = graph.weights.get(name);
        if (weight) await store.load(weight);
      }
    const weight = (name: string): Tensor | undefined => {
      const found = graph.weights.get(name);
      return found && store.loaded(found);
    };
    const built = backwardGraph({ graph, way, at: row.at, edits, terms: row.terms, weight }, numbers);
    const session = await runtime.open(encodeModel(built.graph));
    return {
      session,
      feeds: built.feeds,
      inputs: [...built.graph.inputs.keys()],
      outputs: new Set(built.graph.outputs.keys()),
      dispose: () => session.close(),
    };
  });
}

/** @throws SiteError where what was computed again is not what the file computed */
function checkAgain(
  { row, way }: Prepared,
  index: number,
  again: Tensor,
  file: Tensor,
  execution: BackwardExecution,
) {
  const term = row.terms[index];
  if (!term) return;
  const isHalf = [...way.carries].some((name) => factsOf(execution, name)?.dtype === 'float16');
  const numbers = floatsOf(file).data;
  const own = Array.from(term.entries, (entry) => Number(numbers[entry]));
  // What is not finite in the file is for those to see that asked for it.
  if (!own.every(Number.isFinite)) return;
  const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const gap = own.reduce((most, value, at) => Math.max(most, Math.abs(value - Number(again.data[at]))), 0);
  if (gap <= tolerance[isHalf ? 'float16' : 'float32'] * largest + 1e-6) return;
  const ops = [...new Set(way.nodes.map(({ op }) => op))].join(', ');
  throw new SiteError(
    `The gradient's graph does not compute ${quoted(term.tensor)} as the file does: it differs by ${gap.toPrecision(2)} where the largest number is ${largest.toPrecision(2)}. No gradient is given; choose sites nearer to it. The operators between are ${ops}.`,
  );
}

const unitsOf = (tensor: Tensor): Units => ({
  shape: tensor.shape,
  // Of a session that gives float32.
  data: tensor.data instanceof Float32Array ? tensor.data : Float32Array.from(tensor.data, Number),
});

async function zerosOf(execution: BackwardExecution, name: string, row: GradientRow): Promise<Units> {
  const shape = await execution.sized.shapeOf(name, row.inputs);
  return { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) };
}

async function rowGradients(
  execution: BackwardExecution,
  own: Prepared,
  read: NamedTensors,
): Promise<RowGradients> {
  const { row, edits } = own;
  const numbers: RowNumbers = { row, tensors: { ...row.inputs, ...read } };
  const program = row.terms.length > 0 ? await programOf(execution, own, numbers) : undefined;
  const results = program ? await program.session.run(program.feeds.of(program.inputs, numbers)) : {};
  const at: Record<string, Units> = {};
  for (const name of row.at) {
    const found = results[`gradient at ${name}`];
    at[name] = found ? unitsOf(found) : await zerosOf(execution, name, row);
  }
  const terms = row.terms.map(({ tensor }, index) => {
    const [made, again, file] = [
      results[`term ${index}`],
      results[`check ${index}`],
      numbers.tensors[tensor],
    ];
    if (!made) throw new SiteError(`The objective at ${quoted(tensor)} was not computed.`);
    if (again && file) checkAgain(own, index, again, file, execution);
    return unitsOf(made).data;
  });
  const parameters = new Map(
    row.edits.flatMap((edit, index) => {
      const formula = row.formulas.get(edit);
      if (!formula?.isWanted) return [];
      const isOnWay = edits.some((each) => each.index === index);
      const named = Object.entries(formula.parameters).map(([name, { shape }]) => {
        const found = isOnWay ? results[`gradient edit ${index} parameter ${name}`] : undefined;
        const zeros = { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) };
        return [name, found ? unitsOf(found) : zeros] as const;
      });
      return [[edit, Object.fromEntries(named)] as const];
    }),
  );
  return {
    reads: Object.fromEntries(row.reads.map((name) => [name, tensorIn(read, name)])),
    at,
    terms,
    parameters,
  };
}

function tensorIn(read: NamedTensors, name: string): Tensor {
  const tensor = read[name];
  if (!tensor) throw new SiteError(`${quoted(name)} was not computed.`);
  return tensor;
}

/**
 * @param rows of one plan: sources of edits may lie in each other; names of tensors are resolved ones
 * @throws SiteError that names the operator without a rule, before the file runs
 */
export async function executeGradients(
  execution: BackwardExecution,
  rows: readonly GradientRow[],
): Promise<readonly RowGradients[]> {
  const all: Prepared[] = [];
  for (const row of rows) all.push(await prepared(execution, row));
  const found = await execution.run(rows.map((row, index) => ({ ...row, reads: all[index]?.reads ?? [] })));
  const results: RowGradients[] = [];
  for (const [index, own] of all.entries()) {
    execution.signal?.throwIfAborted();
    results.push(await rowGradients(execution, own, found[index] ?? {}));
    execution.onProgress?.((index + 1) / all.length);
  }
  return results;
}
