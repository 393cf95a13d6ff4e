// A piece in parts: runs of nodes with few enough weights each, one after the other, what one computes handed to those that read
// it. WebAssembly copies all that a graph is given into memory of its own, which never shrinks: a whole model would stand
// there a second time. Only the parts that a run's outputs need are run.

import { type OnnxNode, readsOf } from './onnxFile.ts';
import { isTensorNode } from './order.ts';
import { type NormalGraph, openPiece, type Piece, type RunnablePiece } from './piece.ts';
import type { OnnxRuntime } from './runtime.ts';
import { bytesPerElement, sizeOf, type Tensor } from './tensor.ts';
import type { WeightStore } from './weightStore.ts';

type Nodes = readonly OnnxNode[];

/** Runs of nodes, in order: each reads weights of so many bytes at most, or is one node. */
export function nodesByWeight(
  { weights }: Pick<NormalGraph, 'weights'>,
  nodes: Nodes,
  mostBytes: number,
): readonly Nodes[] {
  const runs: OnnxNode[][] = [];
  let held = new Set<string>();
  let bytes = 0;
  for (const node of nodes) {
    const read = new Set(readsOf(node));
    const bytesOf = (names: Iterable<string>): number => {
      let sum = 0;
      for (const name of names) {
        const weight = weights.get(name);
        if (weight) sum += sizeOf(weight.shape) * bytesPerElement(weight.dtype);
      }
      return sum;
    };
    const more = bytesOf([...read].filter((name) => !held.has(name)));
    const last = runs.at(-1);
    if (last && (more === 0 || bytes + more <= mostBytes)) {
      last.push(node);
      bytes += more;
    } else {
      runs.push([node]);
      held = new Set();
      bytes = bytesOf(read);
    }
    for (const name of read) held.add(name);
  }
  return runs;
}

/** Nodes, and what they read that is no weight. */
interface Part {
  readonly nodes: Nodes;
  readonly reads: readonly string[];
  readonly outputs: readonly string[];
}

/** @param outputs of all parts together */
function partsOf(graph: NormalGraph, { inputs, outputs }: Piece, runs: readonly Nodes[]): readonly Part[] {
  const given = new Set(inputs.map(({ name }) => name));
  const wanted = new Set(outputs);
  const parts: Part[] = [];
  for (const nodes of runs.toReversed()) {
    const made = new Set(nodes.flatMap((node) => node.outputs));
    const own = [...made].filter((name) => name !== '' && wanted.has(name));
    if (own.length === 0) continue;
    const reads = [...new Set(nodes.flatMap(readsOf))].filter(
      (name) => !made.has(name) && (given.has(name) || !graph.weights.has(name)),
    );
    for (const name of reads) wanted.add(name);
    parts.unshift({ nodes, reads, outputs: own });
  }
  return parts;
}

/**
 * A piece of any size, in parts where the runtime asks for it. Parts are opened when they first run: what they are handed has
 * no type before.
 * @param isOnce no time is spent on optimising it
 * @throws BackendError when the runtime refuses it, in parts not before they run
 */
export async function openSplitPiece(
  runtime: OnnxRuntime,
  store: WeightStore,
  graph: NormalGraph,
  piece: Piece,
  isOnce = false,
): Promise<RunnablePiece> {
  const runs = nodesByWeight(graph, piece.nodes, runtime.mostWeightBytes);
  // Sequences are handed to nobody.
  if (runs.length <= 1 || !piece.nodes.every(isTensorNode))
    return openPiece(runtime, store, graph, piece, isOnce);
  const parts = partsOf(graph, piece, runs);
  const declared = new Map(piece.inputs.map((input) => [input.name, input]));
  const opened = new Map<Part, Promise<RunnablePiece>>();
  const open = (part: Part, values: ReadonlyMap<string, Tensor>): Promise<RunnablePiece> => {
    const known = opened.get(part);
    if (known) return known;
    const inputs = part.reads.flatMap((name) => {
      const value = values.get(name);
      const input = declared.get(name);
      if (input || !value) return input ?? [];
      return [{ name, dtype: value.dtype, shape: value.shape.map(() => undefined) }];
    });
    const { nodes, outputs } = part;
    const made = openPiece(runtime, store, graph, { nodes, inputs, outputs }, isOnce);
    opened.set(part, made);
    // Whoever waits for it hears why; one that failed is opened anew.
    made.catch(() => opened.delete(part));
    return made;
  };
  return {
    async run(given, outputs = piece.outputs) {
      const values = new Map<string, Tensor>(Object.entries(given));
      const steps = stepsFor(parts, outputs);
      for (const { part, wanted, isLast } of steps) {
        const own = await open(part, values);
        const feeds: Record<string, Tensor> = {};
        for (const name of part.reads) {
          const value = values.get(name);
          if (value) feeds[name] = value;
        }
        for (const [name, value] of Object.entries(await own.run(feeds, wanted))) values.set(name, value);
        for (const name of isLast) values.delete(name);
      }
      return Object.fromEntries(
        outputs.flatMap((name) => {
          const value = values.get(name);
          return value ? [[name, value] as const] : [];
        }),
      );
    },
    async dispose() {
      for (const part of await Promise.allSettled(opened.values()))
        if (part.status === 'fulfilled') await part.value.dispose();
    },
  };
}

interface Step {
  readonly part: Part;
  readonly wanted: readonly string[];
  /** What nobody reads after it. */
  readonly isLast: readonly string[];
}

/** The parts that some outputs need, and what of them. */
function stepsFor(parts: readonly Part[], outputs: readonly string[]): readonly Step[] {
  const wanted = new Set(outputs);
  const steps: Step[] = [];
  for (const part of parts.toReversed()) {
    const own = part.outputs.filter((name) => wanted.has(name));
    if (own.length === 0) continue;
    const isLast = part.reads.filter((name) => !wanted.has(name));
    for (const name of part.reads) wanted.add(name);
    steps.unshift({ part, wanted: own, isLast });
  }
  return steps;
}
