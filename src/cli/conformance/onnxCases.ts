// Reference folders that hold a model as somebody's exporter wrote it (model.onnx): what its tensors are, what its outputs are
// when a tensor is overridden, where it can be cut, how its axes grow, how many layers it has.

import * as v from 'valibot';
import type { ByteSource } from '../../checkpoint/sources/byteSource.ts';
import { halfValues } from '../../checkpoint/storage/half.ts';
import { cutsBetween } from '../../imported/chains.ts';
import { batchName } from '../../imported/exampleInputs.ts';
import { batchAxisOf } from '../../imported/execute.ts';
import type { GpuRuntime } from '../../imported/gpuRuntime.ts';
import { placesText } from '../../imported/gpuStages.ts';
import { ImportedModel } from '../../imported/importedModel.ts';
import type { OnnxNode } from '../../imported/onnxFile.ts';
import type { FixedInputs } from '../../imported/piece.ts';
import type { PlanRow, TensorEdit } from '../../imported/plan.ts';
import type { NamedTensors, OnnxRuntime } from '../../imported/runtime.ts';
import { isFloat, joined, sliced, type Tensor } from '../../imported/tensor.ts';
import type { OpenPart } from '../../imported/weightStore.ts';
import { mul } from '../../onnx/elementwise.ts';
import { constant } from '../../onnx/value.ts';
import type { CaseResult } from './cases.ts';
import { type Difference, difference, identical, type Tolerance, worse } from './compare.ts';

const names = v.record(v.string(), v.string());
const fix = v.optional(v.record(v.string(), v.union([v.boolean(), v.number()])), {});
const schemas = {
  tensors: v.looseObject({ inputs: names, tensors: names, fix }),
  fixed: v.looseObject({ inputs: names, outputs: names, fix }),
  interchange: v.looseObject({
    tensor: v.string(),
    axis: v.number(),
    indices: v.array(v.number()),
    source_indices: v.array(v.number()),
    base: v.string(),
    source: v.string(),
    outputs: names,
    fix,
  }),
  override: v.looseObject({
    tensor: v.string(),
    axis: v.number(),
    indices: v.array(v.number()),
    value: v.number(),
    base: v.string(),
    outputs: names,
    fix,
  }),
  fragment: v.looseObject({ tensor: v.string(), formula: v.string(), base: v.string(), outputs: names, fix }),
  cuts: v.looseObject({ input: v.string(), output: v.string(), tensors: v.array(v.string()), fix }),
  axes: v.looseObject({ tensors: v.record(v.string(), v.array(v.nullable(v.string()))), fix }),
} as const;

const folderSchema = v.looseObject({
  layers: v.optional(v.union([v.number(), v.array(v.number())])),
  cases: v.array(v.looseObject({ kind: v.string() })),
});

/** A reference folder of a model in ONNX. */
export interface OnnxReference {
  readonly casesText: string;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly model: () => Promise<ByteSource>;
  readonly openPart: OpenPart;
}

interface Context {
  readonly reference: OnnxReference;
  readonly open: (fixed: FixedInputs) => Promise<ImportedModel>;
  readonly tolerance: Tolerance;
}

/** Numbers of a tensor as doubles. */
function numbersOf({ dtype, data }: Tensor): ArrayLike<number> {
  if (dtype === 'float16')
    return Array.from<number | bigint, number>([...data], (bits) => halfValues[Number(bits)] ?? Number.NaN);
  const isLong = data instanceof BigInt64Array || data instanceof BigUint64Array;
  return isLong ? Array.from<bigint, number>(data, Number) : data;
}

const isQuantised = ({ op }: OnnxNode): boolean => op === 'DynamicQuantizeLinear';

/** Arithmetic that is coarse by what the file computes with, not by who computes it. */
function toleranceFor(model: ImportedModel, expected: ArrayLike<number>, strict: Tolerance): Tolerance {
  if (model.graph.nodes.some(isQuantised)) {
    // A rounding step may fall either way: 5 % of the tensor's largest number.
    let largest = 0;
    for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i] ?? 0));
    return { relative: strict.relative, absolute: 0.05 * largest };
  }
  const isHalf = [...model.probe.tensors.values()].some(({ dtype }) => dtype === 'float16');
  return isHalf ? { relative: 1e-2, absolute: 1e-2 } : strict;
}

function expectedTensor({ reference }: Context, name: string): Tensor {
  const tensor = reference.tensors.get(name);
  if (!tensor) throw new Error(`tensors.safetensors has no '${name}'.`);
  return tensor;
}

function compare(
  context: Context,
  model: ImportedModel,
  found: Tensor | undefined,
  expected: string,
): Difference {
  const want = expectedTensor(context, expected);
  // NumPy's ascontiguousarray, which the references went through, gives a scalar an axis.
  const axes = found?.shape.length === 0 ? [1] : found?.shape;
  const isShape = found && axes?.join() === want.shape.join();
  if (!isShape)
    throw new Error(`'${expected}' has the shape [${want.shape}], and [${found?.shape}] was computed.`);
  const numbers = numbersOf(want);
  return difference(numbersOf(found), numbers, toleranceFor(model, numbers, context.tolerance));
}

function inputsOf(context: Context, model: ImportedModel, label: string): NamedTensors {
  return Object.fromEntries(
    model.graph.inputs.map(({ name }) => [name, expectedTensor(context, `${label}.${name}`)]),
  );
}

/** The rows of inputs one by one, where they are independent and each input has them. */
function rowsOf(model: ImportedModel, inputs: NamedTensors): readonly NamedTensors[] {
  const axes = new Map(
    model.probe.groups.find(({ name }) => name === batchName)?.axes.map(({ input, axis }) => [input, axis]),
  );
  const sizes = Object.entries(inputs).map(([name, { shape }]) => shape[axes.get(name) ?? -1]);
  const [count] = sizes;
  if (!model.probe.rowsAreIndependent || count === undefined || sizes.some((size) => size !== count))
    return [inputs];
  return Array.from({ length: count }, (_, row) =>
    Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => [
        name,
        sliced(tensor, axes.get(name) ?? 0, row, row + 1),
      ]),
    ),
  );
}

/** What several rows read, joined again. */
function joinedReads(
  model: ImportedModel,
  results: readonly NamedTensors[],
  name: string,
): Tensor | undefined {
  const parts = results.map((each) => each[name]).filter((part) => part !== undefined);
  const facts = model.probe.tensors.get(model.resolve(name));
  const axis = facts && batchAxisOf(facts);
  if (parts.length <= 1 || axis === undefined) return parts[0];
  return joined(parts, axis);
}

async function compareReads(
  context: Context,
  model: ImportedModel,
  rows: readonly PlanRow[],
  count: number,
  expected: Readonly<Record<string, string>>,
): Promise<Difference> {
  const results = (await model.run(rows)).slice(0, count);
  let total = identical;
  for (const [name, key] of Object.entries(expected))
    total = worse(total, compare(context, model, joinedReads(model, results, name), key));
  return total;
}

type Described = { readonly [K in keyof typeof schemas]: v.InferOutput<(typeof schemas)[K]> };

/** The runs of an edit: each row of the base under it, then what it takes from. */
async function compareEdited(
  context: Context,
  {
    base,
    outputs,
    fix: fixed,
  }: { base: string; outputs: Readonly<Record<string, string>>; fix: FixedInputs },
  edit: TensorEdit,
  source?: string,
): Promise<Difference> {
  const model = await context.open(fixed);
  const facts = model.probe.tensors.get(model.resolve(edit.tensor));
  const isAlongRows = facts !== undefined && edit.places?.axis === batchAxisOf(facts);
  const split = (inputs: NamedTensors): readonly NamedTensors[] =>
    isAlongRows ? [inputs] : rowsOf(model, inputs);
  const bases = split(inputsOf(context, model, base));
  const sources = source === undefined ? [] : split(inputsOf(context, model, source));
  const reads = Object.keys(outputs);
  const rows: PlanRow[] = bases.map((inputs, index) => {
    const { value } = edit;
    const own = value.kind === 'row' ? { ...value, row: bases.length + index } : value;
    return { inputs, edits: [{ ...edit, value: own }], reads };
  });
  const others = sources.map((inputs): PlanRow => ({ inputs, edits: [], reads: [] }));
  return compareReads(context, model, [...rows, ...others], bases.length, outputs);
}

function sameSet(what: string, found: readonly string[], expected: readonly string[]): Difference {
  const missing = expected.filter((name) => !found.includes(name));
  const more = found.filter((name) => !expected.includes(name));
  if (missing.length + more.length > 0)
    throw new Error(`${what}: missing ${missing.join(', ') || 'none'}; more ${more.join(', ') || 'none'}.`);
  return identical;
}

const runners: {
  readonly [K in keyof Described]: (context: Context, of: Described[K]) => Promise<Difference>;
} = {
  async tensors(context, { inputs, tensors: named, fix: fixed }) {
    const model = await context.open(fixed);
    // Where activations are quantised by the batch, inner numbers depend on how the processor adds eight-bit products
    // (some saturate); the bound of the references is one for outputs.
    const isCoarse = model.graph.nodes.some(isQuantised);
    const tensors = isCoarse
      ? Object.fromEntries(Object.entries(named).filter(([name]) => model.graph.outputs.includes(name)))
      : named;
    const given = Object.fromEntries(
      Object.entries(inputs).map(([name, key]) => [name, expectedTensor(context, key)]),
    );
    const rows = rowsOf(model, given).map((each) => ({
      inputs: each,
      edits: [],
      reads: Object.keys(tensors),
    }));
    return compareReads(context, model, rows, rows.length, tensors);
  },
  async fixed(context, { inputs, outputs, fix: fixed }) {
    return runners.tensors(context, { kind: 'fixed', inputs, tensors: outputs, fix: fixed });
  },
  async interchange(context, { tensor, axis, indices, source_indices, source, ...rest }) {
    const value = { kind: 'row', row: 0, indices: source_indices } as const;
    return compareEdited(context, rest, { tensor, places: { axis, indices }, value }, source);
  },
  async override(context, { tensor, axis, indices, value, ...rest }) {
    return compareEdited(context, rest, {
      tensor,
      places: { axis, indices },
      value: { kind: 'number', value },
    });
  },
  async fragment(context, { tensor, formula, ...rest }) {
    const [, factor] = /^out = ([\d.]+) \* base$/.exec(formula) ?? [];
    if (factor === undefined) throw new Error(`The formula '${formula}' is not known.`);
    const build = (base: Parameters<typeof mul>[0]) => mul(base, constant(Number(factor)));
    return compareEdited(context, rest, { tensor, value: { kind: 'formula', name: formula, build } });
  },
  async cuts(context, { input, output, tensors, fix: fixed }) {
    const model = await context.open(fixed);
    const cuts = cutsBetween(model.graph, input, output)?.tensors ?? [];
    const floats = cuts.filter((name) => {
      const facts = model.probe.tensors.get(name);
      return facts !== undefined && isFloat(facts.dtype);
    });
    const kept = new Set(tensors.map((name) => model.graph.aliases.get(name) ?? name));
    return sameSet('cuts', floats, [...kept]);
  },
  async axes(context, { tensors, fix: fixed }) {
    const model = await context.open(fixed);
    const growthOf = (name: string, roles: readonly (string | null)[]): string =>
      `${name} [${roles.map((role) => (role === null ? 'fixed' : role.includes(batchName) ? batchName : 'grows')).join(', ')}]`;
    const found = Object.keys(tensors).map((name) =>
      growthOf(name, model.probe.tensors.get(model.resolve(name))?.roles ?? []),
    );
    const expected = Object.entries(tensors).map(([name, roles]) => growthOf(name, roles));
    return sameSet('axes', found, expected);
  },
};

const isKind = (kind: string): kind is keyof Described => Object.hasOwn(runners, kind);

async function runCase(context: Context, kind: keyof Described, description: unknown): Promise<Difference> {
  // Each runner is given what its own schema has read.
  const run = runners[kind] as (context: Context, of: unknown) => Promise<Difference>;
  return run(context, v.parse(schemas[kind], description));
}

async function compareLayers(
  context: Context,
  layers: number | readonly number[],
  fixed: FixedInputs,
): Promise<Difference> {
  const model = await context.open(fixed);
  const found = model.chains[0]?.runs.map(({ count }) => count) ?? [];
  const expected = typeof layers === 'number' ? [layers] : layers;
  if (found.join() !== expected.join())
    throw new Error(
      `The model has ${expected.join(' and ')} layers; ${found.join(' and ') || 'none'} were found.`,
    );
  return identical;
}

/** Run the cases of a folder one by one; a case that throws has failed. */
export async function* runOnnxCases(
  reference: OnnxReference,
  runtime: OnnxRuntime,
  {
    tolerance,
    kind: only,
    gpu,
  }: { readonly tolerance: Tolerance; readonly kind?: string; readonly gpu?: GpuRuntime | undefined },
): AsyncGenerator<CaseResult> {
  const { cases, layers } = v.parse(folderSchema, JSON.parse(reference.casesText));
  const models = new Map<string, ImportedModel>();
  const context: Context = {
    reference,
    tolerance,
    async open(fixed) {
      const key = JSON.stringify(fixed);
      const known = models.get(key);
      if (known) return known;
      const model = await ImportedModel.open(await reference.model(), runtime, {
        openPart: reference.openPart,
        fixed,
        gpu,
      });
      models.set(key, model);
      return model;
    },
  };
  const attempt = async (
    label: string,
    kind: string,
    run: () => Promise<Difference>,
  ): Promise<CaseResult> => {
    try {
      const found = await run();
      const places = [...models.values()].flatMap((model) => model.takeUsedPlaces());
      return {
        label,
        kind,
        status: found.isWithin ? 'passed' : 'failed',
        difference: found,
        ...(places.length > 0 ? { reason: placesText(places) } : {}),
      };
    } catch (error) {
      return {
        label,
        kind,
        status: 'failed',
        reason: error instanceof Error ? error.message : String(error),
      };
    }
  };
  try {
    const usual = cases[0] ? v.parse(v.looseObject({ fix }), cases[0]).fix : {};
    if (layers !== undefined && (only === undefined || only === 'layers'))
      yield await attempt('layers', 'layers', () => compareLayers(context, layers, usual));
    for (const description of cases) {
      const { kind } = description;
      if (only !== undefined && kind !== only) continue;
      const tensor = typeof description.tensor === 'string' ? ` ${description.tensor}` : '';
      if (isKind(kind))
        yield await attempt(`${kind}${tensor}`, kind, () => runCase(context, kind, description));
      else
        yield {
          label: kind,
          kind,
          status: 'skipped',
          reason: `cases of kind '${kind}' are not supported yet`,
        };
    }
  } finally {
    for (const model of models.values()) await model.dispose();
  }
}
