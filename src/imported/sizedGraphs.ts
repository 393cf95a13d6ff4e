// A graph at given sizes. What depends on sizes alone is then a constant: the chains of `Shape`, `Gather` and `Concat` around
// every `Reshape`, the tables of positions. A late stage would else compute an early tensor only to measure it, and a
// `Reshape` to measured sizes goes wrong without a word when the stage runs on another batch than the one measured.

import { memoryWeight } from './normalise.ts';
import { type OnnxNode, readsOf, type Weight } from './onnxFile.ts';
import { isRandom } from './order.ts';
import type { NormalGraph, RunnablePiece } from './piece.ts';
import type { NamedTensors, OnnxRuntime } from './runtime.ts';
import { openSplitPiece } from './splitPiece.ts';
import type { WeightStore } from './weightStore.ts';

/** The graph for a batch of inputs. */
export interface SizedGraph {
  readonly key: string;
  readonly graph: NormalGraph;
}

const keyOf = (inputs: NamedTensors): string =>
  Object.entries(inputs)
    .map(([name, { shape }]) => `${name}:${shape.join('x')}`)
    .sort()
    .join(';');

/** Graphs of one model at the sizes that were asked for. */
export class SizedGraphs {
  /** Rows of one batch at most, where rows are independent. */
  readonly rowsTogether: number;
  readonly #graph: NormalGraph;
  readonly #store: WeightStore;
  readonly #runtime: OnnxRuntime;
  readonly #frontier: readonly string[];
  readonly #dependentNodes: readonly OnnxNode[];
  readonly #outputs: readonly string[];
  #whole: Promise<RunnablePiece> | undefined;
  readonly #graphs = new Map<string, Promise<NormalGraph>>();
  readonly #shapes = new Map<string, readonly number[]>();

  /**
   * @param dependent tensors that depend on the values of an input
   * @param outputs   tensors that can be measured
   */
  constructor(
    graph: NormalGraph,
    store: WeightStore,
    runtime: OnnxRuntime,
    dependent: ReadonlySet<string>,
    outputs: readonly string[],
    rowsTogether = 16,
  ) {
    this.rowsTogether = rowsTogether;
    this.#graph = graph;
    this.#store = store;
    this.#runtime = runtime;
    this.#outputs = outputs;
    const isFixed = (node: OnnxNode): boolean =>
      !isRandom(node) && node.outputs.every((name) => name === '' || !dependent.has(name));
    this.#dependentNodes = graph.nodes.filter((node) => !isFixed(node));
    const made = new Set(graph.nodes.filter(isFixed).flatMap(({ outputs }) => outputs));
    const read = new Set([...this.#dependentNodes.flatMap(readsOf), ...graph.outputs]);
    this.#frontier = [...made].filter((name) => name !== '' && read.has(name));
  }

  #measure(): Promise<RunnablePiece> {
    const { nodes, inputs } = this.#graph;
    this.#whole ??= openSplitPiece(
      this.#runtime,
      this.#store,
      this.#graph,
      { nodes, inputs, outputs: this.#outputs },
      true,
    );
    return this.#whole;
  }

  async #specialised(inputs: NamedTensors): Promise<NormalGraph> {
    const weights = new Map<string, Weight>(this.#graph.weights);
    if (this.#frontier.length > 0) {
      const piece = await this.#measure();
      const values = await piece.run(inputs, this.#frontier);
      for (const [name, value] of Object.entries(values)) weights.set(name, memoryWeight(value));
    }
    return { ...this.#graph, nodes: this.#dependentNodes, weights };
  }

  /**
   * What tensors measure in a row with these inputs. Found by computing them, because what a file declares is a hint.
   * @throws BackendError when the model does not admit the sizes
   */
  async shapesOf(
    names: readonly string[],
    row: NamedTensors,
  ): Promise<ReadonlyMap<string, readonly number[]>> {
    const sizes = keyOf(row);
    const keyed = (name: string): string => `${sizes}|${name}`;
    const missing = [...new Set(names)].filter((name) => !this.#shapes.has(keyed(name)));
    if (missing.length > 0) {
      const results = await (await this.#measure()).run(row, missing);
      for (const name of missing) this.#shapes.set(keyed(name), results[name]?.shape ?? []);
    }
    return new Map(names.map((name) => [name, this.#shapes.get(keyed(name)) ?? []]));
  }

  async shapeOf(name: string, row: NamedTensors): Promise<readonly number[]> {
    return (await this.shapesOf([name], row)).get(name) ?? [];
  }

  /**
   * @param batch the inputs of some rows, joined
   * @throws BackendError when the model does not admit the sizes; the message has the runtime's words
   */
  async at(batch: NamedTensors): Promise<SizedGraph> {
    const key = keyOf(batch);
    const known = this.#graphs.get(key);
    const made = known ?? this.#specialised(batch);
    this.#graphs.set(key, made);
    try {
      return { key, graph: await made };
    } catch (error) {
      this.#graphs.delete(key);
      throw error;
    }
  }

  async dispose(): Promise<void> {
    await (await this.#whole)?.dispose();
  }
}
