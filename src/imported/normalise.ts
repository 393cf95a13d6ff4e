// A file's graph made plain: functions put in, constants as weights, inputs that decide a branch fixed and the branch taken,
// what depends on weights alone computed once, copies dropped, nodes in order. What is left is what can be cut and edited.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { didYouMean } from '../messages/nearest.ts';
import { listed, quoted } from '../messages/wording.ts';
import { floatBytesOf, integerOf, integersOfAttribute } from './attributes.ts';
import { branchInputs } from './branchInputs.ts';
import { withoutFunctions } from './functions.ts';
import {
  type OnnxFile,
  type OnnxGraph,
  type OnnxNode,
  readsOf,
  type ValueInfo,
  type Weight,
} from './onnxFile.ts';
import { dependentOn, inOrder, isRandom, nodeLabel } from './order.ts';
import { type FixedInputs, type NormalGraph, nodesNeeded } from './piece.ts';
import { renamedNode } from './rename.ts';
import type { OnnxRuntime } from './runtime.ts';
import { openSplitPiece } from './splitPiece.ts';
import { bytesOf, type ElementType, sizeOf, type Tensor, tensorFrom } from './tensor.ts';
import { type WeightStore, weightsOfNode } from './weightStore.ts';

interface Draft {
  nodes: readonly OnnxNode[];
  readonly weights: Map<string, Weight>;
  inputs: readonly ValueInfo[];
  readonly outputs: readonly string[];
  readonly aliases: Map<string, string>;
  readonly left: Map<string, string>;
}

export const memoryWeight = (tensor: Tensor): Weight => ({
  dtype: tensor.dtype,
  shape: tensor.shape,
  place: { kind: 'memory', bytes: bytesOf(tensor) },
});

const bytesWeight = (dtype: ElementType, shape: readonly number[], bytes: Uint8Array): Weight => ({
  dtype,
  shape,
  place: { kind: 'memory', bytes },
});

/** The value of a `Constant`, whichever of its attributes has it. @throws CheckpointError for text and sparse ones */
function constantOf(node: OnnxNode): Weight {
  for (const [name, attribute] of node.attributes) {
    if (name === 'value' && attribute.tensor) return attribute.tensor;
    if (name === 'value_float') return bytesWeight('float32', [], floatBytesOf(attribute, 2));
    if (name === 'value_floats') {
      const bytes = floatBytesOf(attribute, 7);
      return bytesWeight('float32', [bytes.length / 4], bytes);
    }
    if (name === 'value_int')
      return memoryWeight({
        dtype: 'int64',
        shape: [],
        data: BigInt64Array.of(BigInt(integerOf(node, name) ?? 0)),
      });
    if (name === 'value_ints') {
      const values = BigInt64Array.from(integersOfAttribute(attribute));
      return memoryWeight({ dtype: 'int64', shape: [values.length], data: values });
    }
  }
  throw new CheckpointError(
    `Constant ${nodeLabel(node)} holds no numbers. Patchbay computes with numbers alone.`,
  );
}

const isConstant = ({ op, domain }: OnnxNode): boolean => op === 'Constant' && domain === '';

function takeConstants(draft: Draft): void {
  for (const node of draft.nodes.filter(isConstant)) {
    const name = node.outputs[0] ?? '';
    if (draft.weights.has(name))
      throw new CheckpointError(`Tensor ${quoted(name)} is computed twice. The file is damaged.`);
    draft.weights.set(name, constantOf(node));
  }
  draft.nodes = draft.nodes.filter((node) => !isConstant(node));
}

function fixInputs(draft: Draft, fixed: FixedInputs): void {
  for (const [name, value] of Object.entries(fixed)) {
    const info = draft.inputs.find((each) => each.name === name);
    if (!info) {
      const names = draft.inputs.map((each) => each.name);
      throw new CheckpointError(
        `There is no input ${quoted(name)} to fix. ${didYouMean(name, names)} Inputs: ${listed(names)}.`,
      );
    }
    if (info.dtype === undefined)
      throw new CheckpointError(
        `Input ${quoted(name)} holds ${info.typeName}; it cannot be fixed to a number.`,
      );
    const shape = (info.shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
    if (sizeOf(shape) > 4096) throw new CheckpointError(`Input ${quoted(name)} is too large to be fixed.`);
    draft.weights.set(name, memoryWeight(tensorFrom(info.dtype, shape, () => Number(value))));
    draft.inputs = draft.inputs.filter((each) => each !== info);
  }
}

function namesOf(draft: Draft): ReadonlySet<string> {
  return new Set([...draft.inputs.map(({ name }) => name), ...draft.weights.keys()]);
}

const graphOf = (file: OnnxFile, draft: Draft): NormalGraph => ({
  irVersion: file.irVersion,
  opsets: file.opsets,
  nodes: draft.nodes,
  weights: draft.weights,
  inputs: draft.inputs,
  outputs: draft.outputs,
  aliases: draft.aliases,
  left: draft.left,
  fixed: {},
});

/** Compute what depends on weights alone, and keep what the rest reads of it. */
async function foldConstants(
  file: OnnxFile,
  draft: Draft,
  runtime: OnnxRuntime,
  store: WeightStore,
): Promise<void> {
  const random = draft.nodes.filter(isRandom).flatMap(({ outputs }) => outputs);
  const dependent = dependentOn(draft.nodes, [...draft.inputs.map(({ name }) => name), ...random]);
  // A size of something that depends on an input is not known yet either.
  const open = new Set([...draft.inputs.map(({ name }) => name), ...dependent]);
  const constant = draft.nodes.filter((node) => {
    const isOpen = isRandom(node) || readsOf(node).some((name) => open.has(name));
    if (isOpen) for (const name of node.outputs) open.add(name);
    return !isOpen;
  });
  if (constant.length === 0) return;
  const made = new Set(constant.flatMap(({ outputs }) => outputs).filter((name) => name !== ''));
  const rest = draft.nodes.filter((node) => !constant.includes(node));
  const read = new Set([...rest.flatMap(readsOf), ...draft.outputs]);
  const kept = [...made].filter((name) => read.has(name));
  if (kept.length > 0) {
    const nodes = nodesNeeded(constant, kept, new Set(draft.weights.keys()));
    const piece = await openSplitPiece(
      runtime,
      store,
      graphOf(file, draft),
      { nodes, inputs: [], outputs: kept },
      true,
    );
    try {
      const values = await piece.run({});
      for (const name of kept) {
        const value = values[name];
        if (value) draft.weights.set(name, memoryWeight(value));
      }
    } finally {
      await piece.dispose();
    }
  }
  draft.nodes = rest;
}

/** An `If` whose condition is a weight becomes the branch that is taken. */
async function takeBranches(draft: Draft, store: WeightStore): Promise<boolean> {
  let taken = false;
  const nodes: OnnxNode[] = [];
  for (const node of draft.nodes) {
    const condition =
      node.op === 'If' && node.domain === '' ? draft.weights.get(node.inputs[0] ?? '') : undefined;
    if (!condition) {
      nodes.push(node);
      continue;
    }
    const { data } = await store.load(condition);
    nodes.push(...branchNodes(draft, node, Boolean(data[0])));
    leaveBranch(draft, node, !data[0]);
    taken = true;
  }
  draft.nodes = nodes;
  return taken;
}

/** Keep the names of what the branch computes that is not taken, those of branches within it included. */
function leaveBranch({ left }: Draft, node: OnnxNode, isTrue: boolean): void {
  const label = quoted(node.name || (node.outputs[0] ?? 'If'));
  const [branch] = node.attributes.get(isTrue ? 'then_branch' : 'else_branch')?.graphs ?? [];
  const within = (graph: OnnxGraph): readonly string[] =>
    graph.nodes.flatMap(({ outputs, attributes }) => [
      ...outputs,
      ...[...attributes.values()].flatMap(({ graphs }) => graphs.flatMap(within)),
    ]);
  for (const name of branch ? within(branch) : [])
    if (name !== '') left.set(name, `is computed in the branch of ${label} that is not taken`);
}

/** The nodes of one branch, its weights among those of the graph, and copies to the names that the `If` made. */
function branchNodes(
  draft: Pick<Draft, 'nodes' | 'weights' | 'inputs'>,
  node: OnnxNode,
  isTrue: boolean,
): readonly OnnxNode[] {
  const [branch] = node.attributes.get(isTrue ? 'then_branch' : 'else_branch')?.graphs ?? [];
  if (!branch) throw new CheckpointError(`If ${nodeLabel(node)} lacks a branch. The file is damaged.`);
  const taken = new Set([
    ...draft.weights.keys(),
    ...draft.inputs.map(({ name }) => name),
    ...draft.nodes.flatMap(({ outputs }) => outputs),
  ]);
  const inner = new Set([...branch.weights.keys(), ...branch.nodes.flatMap(({ outputs }) => outputs)]);
  const prefix = node.name || node.outputs[0] || 'If';
  const naming = (name: string): string => (inner.has(name) && taken.has(name) ? `${prefix}/${name}` : name);
  for (const [name, weight] of branch.weights) draft.weights.set(naming(name), weight);
  const copies = node.outputs.flatMap((name, index): OnnxNode[] => {
    const from = branch.outputs[index]?.name;
    if (name === '' || from === undefined) return [];
    return [identity(naming(from), name)];
  });
  return [...branch.nodes.map((each) => renamedNode(each, naming)), ...copies];
}

const identity = (from: string, to: string): OnnxNode => ({
  op: 'Identity',
  domain: '',
  name: '',
  inputs: [from],
  outputs: [to],
  attributes: new Map(),
  scopes: [],
});

/** Copies that are their original's only reader say nothing of their own: their readers read the original. */
function dropCopies(draft: Draft): void {
  const readers = new Map<string, number>();
  for (const name of [...draft.nodes.flatMap(readsOf), ...draft.outputs])
    readers.set(name, (readers.get(name) ?? 0) + 1);
  const isOutput = new Set(draft.outputs);
  const inputs = new Set(draft.inputs.map(({ name }) => name));
  const kept: OnnxNode[] = [];
  const original = new Map<string, string>();
  for (const node of draft.nodes) {
    const [from = ''] = node.inputs;
    const [to = ''] = node.outputs;
    const isCopy =
      node.op === 'Identity' &&
      node.domain === '' &&
      !isOutput.has(to) &&
      !isOutput.has(from) &&
      !inputs.has(from) &&
      readers.get(from) === 1;
    if (isCopy) original.set(to, original.get(from) ?? from);
    else kept.push(renamedNode(node, (name) => original.get(name) ?? name));
  }
  draft.nodes = kept;
  for (const [name, of] of original) draft.aliases.set(name, of);
}

function dropUnread(draft: Draft): void {
  const given = namesOf(draft);
  const all = draft.nodes;
  draft.nodes = nodesNeeded(all, draft.outputs, given);
  const kept = new Set(draft.nodes);
  for (const node of all)
    if (!kept.has(node))
      for (const name of node.outputs) if (name !== '') draft.left.set(name, 'bears on no output');
  const read = new Set([...draft.nodes.flatMap(readsOf), ...draft.outputs]);
  draft.inputs = draft.inputs.filter(({ name }) => read.has(name));
  for (const name of [...draft.weights.keys()]) if (!read.has(name)) draft.weights.delete(name);
}

const knownDomains = new Set(['', 'ai.onnx.ml', 'com.microsoft', 'ai.onnx.preview.training']);

function requireKnownDomains(nodes: readonly OnnxNode[]): void {
  for (const node of nodes) {
    if (knownDomains.has(node.domain)) continue;
    const made =
      node.domain === 'com.microsoft.nchwc'
        ? 'is made by ONNX Runtime for one processor. Export again without optimisation.'
        : 'belongs to no set of operators that is known here. Export the model without it.';
    throw new CheckpointError(`Operator ${quoted(node.op)} of ${quoted(node.domain)} ${made}`);
  }
}

/** Names that the main graph's inputs, and outputs, may not have twice. */
function requireDistinct(what: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index || name === '');
  if (twice !== undefined)
    throw new CheckpointError(
      `${what} ${quoted(twice)} is there twice, or has no name. The file is damaged.`,
    );
}

/**
 * @param fixed inputs that are constants from here on
 * @throws CheckpointError when the graph is no graph, or computes with what is not known; BackendError when the runtime
 *         cannot compute its constants
 */
export async function normalise(
  file: OnnxFile,
  store: WeightStore,
  runtime: OnnxRuntime,
  fixed: FixedInputs = {},
): Promise<NormalGraph> {
  const graph: OnnxGraph = withoutFunctions(file);
  requireDistinct(
    'Input',
    graph.inputs.map(({ name }) => name),
  );
  requireDistinct(
    'Output',
    graph.outputs.map(({ name }) => name),
  );
  const draft: Draft = {
    nodes: graph.nodes,
    weights: new Map(graph.weights),
    inputs: graph.inputs,
    outputs: graph.outputs.map(({ name }) => name),
    aliases: new Map(),
    left: new Map(),
  };
  requireKnownDomains(draft.nodes);
  fixInputs(draft, fixed);
  const chosen: Record<string, number | boolean> = { ...fixed };
  for (;;) {
    takeConstants(draft);
    draft.nodes = inOrder(draft.nodes, namesOf(draft));
    const branching = branchInputs(draft);
    fixInputs(draft, branching);
    Object.assign(chosen, branching);
    await foldConstants(file, draft, runtime, store);
    if (!(await takeBranches(draft, store))) break;
  }
  const made = new Set([...namesOf(draft), ...draft.nodes.flatMap(({ outputs }) => outputs)]);
  const missing = draft.outputs.find((name) => !made.has(name));
  if (missing !== undefined)
    throw new CheckpointError(`Output ${quoted(missing)} is computed by nothing. The file is damaged.`);
  dropUnread(draft);
  dropCopies(draft);
  const inNodes = draft.nodes.flatMap((node) => [...weightsOfNode(node)].map(([, weight]) => weight));
  store.keepOnly(new Set([...draft.weights.values(), ...inNodes]));
  for (const weight of inNodes) await store.load(weight);
  return { ...graphOf(file, draft), fixed: chosen };
}
