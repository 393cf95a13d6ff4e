// Which nodes of a file the GPU has kernels for, in the types that they have there. onnxruntime would run the others on the
// processor and say nothing; so each kind of node is tried by itself, with that forbidden, and what cannot be trusted on a GPU
// is left out as well.

import { BackendError } from '../runtime/backends/backend.ts';
import { attributeKey, integerOf } from './attributes.ts';
import { editedTensor } from './editNodes.ts';
import type { GpuRuntime } from './gpuRuntime.ts';
import { hasSubgraph, type OnnxNode } from './onnxFile.ts';
import { type NormalGraph, type Piece, writtenPiece } from './piece.ts';
import type { TensorFacts } from './probe.ts';
import type { ElementType } from './tensor.ts';
import type { WeightStore } from './weightStore.ts';
import type { WrittenValue } from './writeOnnx.ts';

/** What is known of a tensor that a node reads or makes. */
type Known = Pick<WrittenValue, 'dtype' | 'shape'>;

/** A piece among the graph that it is cut from. */
export interface PieceOfGraph {
  readonly graph: NormalGraph;
  readonly piece: Piece;
  readonly facts: ReadonlyMap<string, TensorFacts>;
  readonly store: WeightStore;
}

function knownOf({ graph, piece, facts }: PieceOfGraph, name: string): Known {
  const declared = piece.inputs.find((input) => input.name === name);
  if (declared) return declared;
  const found = facts.get(name) ?? facts.get(editedTensor(name));
  if (found) return { dtype: found.dtype, shape: found.shape.map(() => undefined) };
  // What formulas compute between their ends is float32.
  return graph.weights.get(name) ?? { dtype: 'float32', shape: undefined };
}

/** `Cast (int64)`: an operator and the types of what it reads. */
export function nodeWithTypes(of: PieceOfGraph, node: OnnxNode): string {
  const types = node.inputs.flatMap((name) => (name === '' ? [] : (knownOf(of, name).dtype ?? [])));
  return `${node.op} (${[...new Set(types)].join(', ')})`;
}

/** Operators that take places by an index, and which input that is. */
const indexInputs: Readonly<Record<string, number>> = {
  Gather: 1,
  GatherElements: 1,
  GatherND: 1,
  ScatterElements: 1,
  ScatterND: 1,
};

/** Inputs of the model whose numbers are looked at before each run, and what they are below. */
export type CheckedInputs = ReadonlyMap<string, number>;

/** Whether an index cannot be past the end. A GPU takes the last place then and says nothing, where the processor refuses. */
async function isWithin(of: PieceOfGraph, node: OnnxNode, checked: CheckedInputs): Promise<boolean> {
  const at = node.domain === '' ? indexInputs[node.op] : undefined;
  if (at === undefined) return true;
  const name = node.inputs[at] ?? '';
  const weight = of.graph.weights.get(name);
  const [from = ''] = node.inputs;
  if (!weight) {
    const rows = of.graph.weights.get(from)?.shape.at(integerOf(node, 'axis') ?? 0);
    return (
      node.op === 'Gather' && rows !== undefined && (checked.get(name) ?? Number.POSITIVE_INFINITY) <= rows
    );
  }
  // Constants are within axes that do not grow, as the trial of the model has shown; the first and the last are in any.
  const facts = of.facts.get(from);
  // An input of the model is none of what was computed.
  const grows = facts
    ? facts.roles.some((role) => role !== null)
    : !of.graph.weights.has(from) && !knownOf(of, from).shape?.every((size) => typeof size === 'number');
  if (!grows) return true;
  const { data } = await of.store.load(weight);
  return Array.from(data, Number).every((index) => index === 0 || index === -1);
}

const half: ElementType = 'float16';

export class GpuKernels {
  readonly #gpu: GpuRuntime;
  readonly #tried = new Map<string, Promise<boolean>>();

  constructor(gpu: GpuRuntime) {
    this.#gpu = gpu;
  }

  /** Whether a node runs on the GPU, and gives there what it gives on the processor or an error. */
  async has(of: PieceOfGraph, node: OnnxNode, checked: CheckedInputs): Promise<boolean> {
    if (hasSubgraph(node) || !(await isWithin(of, node, checked))) return false;
    const names = [...node.inputs, ...node.outputs].filter((name) => name !== '');
    if (!this.#gpu.hasHalf && names.some((name) => knownOf(of, name).dtype === half)) return false;
    const key = await this.#keyOf(of, node);
    const known = this.#tried.get(key) ?? this.#try(of, node);
    this.#tried.set(key, known);
    return known;
  }

  async #keyOf(of: PieceOfGraph, node: OnnxNode): Promise<string> {
    const read = node.inputs.map(async (name) => {
      const weight = of.graph.weights.get(name);
      const { dtype, shape } = knownOf(of, name);
      const sizes = weight?.shape.join('x') ?? String(shape?.length);
      // Sizes and axes decide which kernel there is.
      const isSmall = weight && weight.dtype === 'int64' && weight.shape.every((size) => size <= 16);
      const values = isSmall ? [...(await of.store.load(weight)).data].join('.') : '';
      return name === '' ? '' : `${dtype}:${sizes}:${weight ? 'weight' : ''}${values}`;
    });
    const inputs = (await Promise.all(read)).join(',');
    return [node.domain, node.op, attributeKey(node), inputs, node.outputs.length].join('|');
  }

  async #try(of: PieceOfGraph, node: OnnxNode): Promise<boolean> {
    const read = [...new Set(node.inputs)].filter((name) => name !== '' && !of.graph.weights.has(name));
    const inputs = read.map((name) => ({ name, ...knownOf(of, name) }));
    const outputs = node.outputs.filter((name) => name !== '');
    const { bytes } = await writtenPiece(of.store, of.graph, { nodes: [node], inputs, outputs });
    try {
      const session = await this.#gpu.open(bytes, true);
      await session.close();
      return true;
    } catch (error) {
      if (error instanceof BackendError) return false;
      throw error;
    }
  }
}
