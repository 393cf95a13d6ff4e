// A piece of a model: some of its nodes, from named tensors to named tensors. Large weights are fed to it, so that all pieces
// and all their variants share one copy; small ones, among them the sizes and axes that the runtime wants constant, are in it.

import type { OnnxNode, ValueInfo, Weight } from './onnxFile.ts';
import { readsOf } from './onnxFile.ts';
import type { NamedTensors, OnnxRuntime } from './runtime.ts';
import { isFloat, type Tensor } from './tensor.ts';
import { type WeightStore, weightsOfNode } from './weightStore.ts';
import { type WrittenValue, writeOnnx } from './writeOnnx.ts';

/** Inputs that are constants: a number, or a truth value. */
export type FixedInputs = Readonly<Record<string, number | boolean>>;

/** A graph after normalising: everything that the pieces of a model are cut from. */
export interface NormalGraph {
  readonly irVersion: number;
  readonly opsets: ReadonlyMap<string, number>;
  /** Each after what it reads. */
  readonly nodes: readonly OnnxNode[];
  readonly weights: ReadonlyMap<string, Weight>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly string[];
  /** Names that stood for another tensor and are gone: `Identity` of it. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Tensors of the file that are not computed here, with why, as the end of a sentence. */
  readonly left: ReadonlyMap<string, string>;
  /** Inputs of the file that are constants here, those that choose a branch among them. */
  readonly fixed: FixedInputs;
}

/** Weights of at least this size are inputs of the piece. */
const fedBytes = 16 * 1024;

export interface Piece {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly WrittenValue[];
  readonly outputs: readonly string[];
}

export interface RunnablePiece {
  run(inputs: NamedTensors, outputs?: readonly string[]): Promise<NamedTensors>;
  dispose(): Promise<void>;
}

/** The nodes that `outputs` need, where the tensors of `given` are known; in the order they stood in. */
export function nodesNeeded(
  nodes: readonly OnnxNode[],
  outputs: Iterable<string>,
  given: ReadonlySet<string>,
): readonly OnnxNode[] {
  const wanted = new Set([...outputs].filter((name) => !given.has(name)));
  const kept: OnnxNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => name !== '' && wanted.has(name))) continue;
    kept.push(node);
    for (const name of readsOf(node)) if (!given.has(name)) wanted.add(name);
  }
  return kept.reverse();
}

/** A piece as a file of its own, and what is given to it. */
export interface WrittenPiece {
  readonly bytes: Uint8Array;
  /** Large weights, which are inputs of it. */
  readonly weights: NamedTensors;
  /** Its other inputs. */
  readonly wanted: readonly string[];
}

export async function writtenPiece(
  store: WeightStore,
  graph: NormalGraph,
  piece: Piece,
): Promise<WrittenPiece> {
  const read = new Set([...piece.nodes.flatMap(readsOf), ...piece.outputs]);
  const given = new Set(piece.inputs.map(({ name }) => name));
  const weights: Record<string, Tensor> = {};
  const inline = new Map<string, Tensor>();
  const own = piece.inputs.filter(({ name }) => read.has(name));
  const inputs: WrittenValue[] = [...own];
  for (const name of read) {
    const weight = given.has(name) ? undefined : graph.weights.get(name);
    if (!weight) continue;
    const tensor = await store.load(weight);
    if (tensor.data.byteLength >= fedBytes && (isFloat(tensor.dtype) || tensor.dtype === 'int8')) {
      weights[name] = tensor;
      inputs.push({ name, dtype: tensor.dtype, shape: tensor.shape });
    } else inline.set(name, tensor);
  }
  for (const node of piece.nodes) for (const [, weight] of weightsOfNode(node)) await store.load(weight);
  const bytes = writeOnnx(
    {
      irVersion: graph.irVersion,
      opsets: graph.opsets,
      nodes: piece.nodes,
      inputs,
      outputs: piece.outputs.map((name) => ({ name })),
      weights: inline,
    },
    (weight) => store.loaded(weight),
  );
  return { bytes, weights, wanted: own.map(({ name }) => name) };
}

/** @throws BackendError when the runtime refuses the piece */
export async function openPiece(
  runtime: OnnxRuntime,
  store: WeightStore,
  graph: NormalGraph,
  piece: Piece,
  isOnce = false,
): Promise<RunnablePiece> {
  const { bytes, weights, wanted } = await writtenPiece(store, graph, piece);
  const session = await runtime.open(bytes, isOnce, weights);
  return {
    run(given, outputs) {
      const own: Record<string, Tensor> = {};
      for (const name of wanted) {
        const tensor = given[name];
        if (!tensor) throw new RangeError(`The piece needs '${name}', which was not given.`);
        own[name] = tensor;
      }
      return session.run(own, outputs);
    },
    dispose: () => session.close(),
  };
}
