// Stages of a model on the GPU, or on WebAssembly beside it, with tensors handed over; which, and why, is decided when a piece
// is opened, tried when the model is, and told. Nothing is moved to the processor without a word.

import { listed, quoted, reasonOf } from '../messages/wording.ts';
import { BackendError } from '../runtime/backends/backend.ts';
import { tableReads } from './exampleInputs.ts';
import { withBarriers } from './gpuBarriers.ts';
import { GpuKernels, nodeWithTypes, type PieceOfGraph } from './gpuKernels.ts';
import type { GpuRuntime } from './gpuRuntime.ts';
import { splitForGpu } from './gpuSplit.ts';
import { type OnnxNode, readsOf } from './onnxFile.ts';
import { type NormalGraph, nodesNeeded, openPiece, type Piece, type RunnablePiece } from './piece.ts';
import { largestGap, type TensorFacts } from './probe.ts';
import type { NamedTensors, OnnxRuntime } from './runtime.ts';
import { openSplitPiece } from './splitPiece.ts';
import { floatsIn, isFloat } from './tensor.ts';
import type { WeightStore } from './weightStore.ts';
import type { WrittenValue } from './writeOnnx.ts';

/** Where a stage runs. */
export interface Placement {
  readonly on: 'gpu' | 'wasm';
  /** What keeps it off the GPU, or what of it does not run there: `IsNaN (float32)`. */
  readonly because?: string;
}

/** A stage that has run. */
export interface UsedPlace {
  readonly stage: number;
  /** What was edited in it; empty for nothing. */
  readonly edits: string;
  readonly placement: Placement;
}

/** `GPU`, `GPU, after Cast (int64) on WASM`, `WASM: IsNaN (float32)` */
export const placementText = ({ on, because }: Placement): string => {
  if (on === 'gpu') return because === undefined ? 'GPU' : `GPU, after ${because} on WASM`;
  return `WASM: ${because ?? ''}`;
};

/** `stages 0, 3: WASM: Cast (int64); stage 1: GPU` */
export function placesText(places: readonly Pick<UsedPlace, 'stage' | 'placement' | 'edits'>[]): string {
  const stages = new Map<string, Set<string>>();
  for (const { stage, edits, placement } of places.toSorted((a, b) => a.stage - b.stage)) {
    const text = placementText(placement);
    stages.set(
      text,
      (stages.get(text) ?? new Set()).add(edits === '' ? `${stage}` : `${stage} with ${edits}`),
    );
  }
  return [...stages]
    .map(([text, of]) => `${of.size === 1 ? 'stage' : 'stages'} ${[...of].join(', ')}: ${text}`)
    .join('; ');
}

export interface GpuStagesOptions {
  readonly gpu: GpuRuntime;
  /** Runs what the GPU does not. */
  readonly host: OnnxRuntime;
  readonly store: WeightStore;
  readonly graph: NormalGraph;
  readonly facts: ReadonlyMap<string, TensorFacts>;
}

interface PlacedPiece {
  readonly piece: RunnablePiece;
  readonly placement: Placement;
}

/** A stage's number, what is put into it, and the states it begins with. */
export interface StageOf {
  readonly stage: number;
  readonly given: readonly string[];
  /** What is edited in it, in words; empty for nothing. */
  readonly edits: string;
}

/** Differences from the processor that a GPU's own arithmetic makes, as shares of a tensor's largest number. */
const gpuBound = 1e-3;
const halfBound = 2e-2;

/** Combinations of edits that are remembered: a sweep has as many as it has cells, and nobody may ever ask. */
const mostUsed = 4096;

export class GpuStages {
  readonly #options: GpuStagesOptions;
  readonly #kernels: GpuKernels;
  /** Inputs that index tables, whose numbers are looked at before each run, and the rows of the smallest table. */
  readonly #tables: ReadonlyMap<string, number>;
  /** Stages that the trial has shown to be none of the GPU's, and why. */
  readonly #kept = new Map<number, string>();
  readonly #used = new Map<string, UsedPlace>();

  constructor(options: GpuStagesOptions) {
    this.#options = options;
    this.#kernels = new GpuKernels(options.gpu);
    this.#tables = new Map(
      options.graph.inputs.flatMap(({ name }) => {
        // Of ones and zeros a number past the end has none, wherever they are made.
        const reads = tableReads(options.graph, name).filter(({ node }) => node.op === 'Gather');
        return reads.length === 0 ? [] : [[name, Math.min(...reads.map(({ rows }) => rows))] as const];
      }),
    );
  }

  #use(used: UsedPlace): void {
    this.#used.set(`${used.stage} ${used.edits} ${placementText(used.placement)}`, used);
    const [first] = this.#used.keys();
    if (this.#used.size > mostUsed && first !== undefined) this.#used.delete(first);
  }

  /** What has run since this was last asked, the last of it where that is much. */
  takeUsed(): readonly UsedPlace[] {
    const used = [...this.#used.values()];
    this.#used.clear();
    return used;
  }

  /**
   * Open a piece of a stage where it can run.
   * @throws BackendError when WebAssembly does not take it either
   */
  async open(graph: NormalGraph, piece: Piece, stage: StageOf): Promise<RunnablePiece> {
    const { piece: opened, placement } = await this.#place(graph, piece, stage);
    const used = { stage: stage.stage, edits: stage.edits, placement };
    return {
      run: (given, outputs) => {
        this.#use(used);
        return opened.run(given, outputs);
      },
      dispose: () => opened.dispose(),
    };
  }

  async #place(graph: NormalGraph, piece: Piece, stage: StageOf): Promise<PlacedPiece> {
    const kept = this.#kept.get(stage.stage);
    if (kept !== undefined) return this.#onHost(graph, piece, kept);
    const of: PieceOfGraph = { ...this.#options, graph, piece };
    const off = new Set<OnnxNode>();
    for (const node of piece.nodes) if (!(await this.#kernels.has(of, node, this.#tables))) off.add(node);
    const split = splitForGpu(graph, piece.nodes, stage.given, off);
    if (split.kind === 'wasm') return this.#onHost(graph, piece, nodeWithTypes(of, split.node));
    const apart = new Set([...off].map((node) => nodeWithTypes(of, node)));
    try {
      return {
        piece: await this.#onGpu(graph, piece, split.before, split.rest),
        placement: { on: 'gpu', ...(apart.size > 0 ? { because: listed([...apart], 4) } : {}) },
      };
    } catch (error) {
      // Each node has a kernel, but the runtime makes of them what has none, or a weight is too large.
      if (!(error instanceof BackendError)) throw error;
      return this.#onHost(graph, piece, reasonOf(error));
    }
  }

  async #onHost(graph: NormalGraph, piece: Piece, because: string): Promise<PlacedPiece> {
    const { host, store } = this.#options;
    return {
      piece: await openSplitPiece(host, store, graph, piece),
      placement: { on: 'wasm', because },
    };
  }

  async #onGpu(
    graph: NormalGraph,
    piece: Piece,
    before: readonly OnnxNode[],
    rest: readonly OnnxNode[],
  ): Promise<RunnablePiece> {
    const { gpu, host, store, facts } = this.#options;
    const made = new Set(before.flatMap(({ outputs }) => outputs));
    const handed = [...new Set([...rest.flatMap(readsOf)])].filter((name) => made.has(name));
    const early = [...new Set([...handed, ...piece.outputs.filter((name) => made.has(name))])];
    const late = piece.outputs.filter((name) => !made.has(name));
    const given = handed.map((name): WrittenValue => {
      const known = facts.get(name);
      return { name, dtype: known?.dtype ?? 'float32', shape: known?.shape.map(() => undefined) };
    });
    const opened: RunnablePiece[] = [];
    const open = async (make: Promise<RunnablePiece>): Promise<RunnablePiece> => {
      const own = await make;
      opened.push(own);
      return own;
    };
    try {
      const first =
        early.length === 0
          ? undefined
          : await open(openSplitPiece(host, store, graph, { ...piece, nodes: before, outputs: early }));
      const inputs = [...piece.inputs, ...given];
      const main = { nodes: rest, inputs, outputs: late };
      const second = await open(
        openPiece(gpu, store, graph, main).catch((error: unknown) => {
          const still = withBarriers(graph, rest, (name) => facts.get(name)?.shape.length);
          if (!still || !(error instanceof BackendError)) throw error;
          // Optimising takes reshapes away that change nothing.
          return openPiece(gpu, store, still.graph, { ...main, nodes: still.nodes }, true);
        }),
      );
      return {
        run: async (feeds, outputs = piece.outputs) => {
          this.#requireRows(feeds);
          const computed = first ? await first.run(feeds, early) : {};
          const wanted = outputs.filter((name) => !made.has(name));
          const results = wanted.length === 0 ? {} : await second.run({ ...feeds, ...computed }, wanted);
          return { ...computed, ...results };
        },
        dispose: async () => {
          for (const own of opened) await own.dispose();
        },
      };
    } catch (error) {
      for (const own of opened) await own.dispose();
      throw error;
    }
  }

  /** @throws BackendError for a number without a row: a GPU would take the last row and say nothing */
  #requireRows(feeds: NamedTensors): void {
    for (const [name, rows] of this.#tables) {
      // Before each stage, because whoever gave the numbers may have changed them since; nothing is made for it.
      for (const value of feeds[name]?.data ?? []) {
        const index = Number(value);
        if (!(index >= -rows && index < rows))
          throw new BackendError(
            `Input ${quoted(name)} holds ${index}, and the table that it is looked up in has ${rows} rows.`,
          );
      }
    }
  }

  /**
   * Run a stage on the GPU and on WebAssembly. One that does not run, or gives other numbers, is WebAssembly's from then on.
   * @param feeds inputs of the model and the stage's states
   * @returns where it runs, and what it computed
   */
  async try(
    graph: NormalGraph,
    piece: Piece,
    stage: StageOf,
    feeds: NamedTensors,
  ): Promise<{ readonly placement: Placement; readonly computed: NamedTensors }> {
    const { host, store } = this.#options;
    const expected = await openSplitPiece(host, store, graph, piece);
    try {
      const computed = await expected.run(feeds);
      const { piece: placed, placement } = await this.#place(graph, piece, stage);
      try {
        if (placement.on === 'wasm') return { placement, computed };
        const because = await this.#fault(graph, piece, placed, feeds, computed);
        if (because === undefined) return { placement, computed };
        this.#kept.set(stage.stage, because);
        return { placement: { on: 'wasm', because }, computed };
      } finally {
        await placed.dispose();
      }
    } finally {
      await expected.dispose();
    }
  }

  /** What is wrong with a stage on the GPU, undefined for nothing. */
  async #fault(
    graph: NormalGraph,
    piece: Piece,
    placed: RunnablePiece,
    feeds: NamedTensors,
    expected: NamedTensors,
  ): Promise<string | undefined> {
    try {
      const found = await placed.run(feeds);
      const wrong = piece.outputs.filter((name) => this.#differs(expected, found, name));
      if (wrong.length === 0) return undefined;
      const node = graph.nodes.find(({ outputs }) => outputs.some((name) => wrong.includes(name)));
      const needed = nodesNeeded(graph.nodes, wrong, new Set(Object.keys(feeds))).length;
      return `${listed(wrong)} differs from the processor's numbers (${needed} nodes up to ${node?.op ?? 'it'})`;
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      const [, op] = /while running (\w+) node/.exec(error.message) ?? [];
      return op === undefined ? reasonOf(error) : `${op} (${reasonOf(error)})`;
    }
  }

  #differs(expected: NamedTensors, found: NamedTensors, name: string): boolean {
    const [a, b] = [expected[name], found[name]];
    if (!a || !b || a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return true;
    const bound = a.dtype === 'float16' ? halfBound : isFloat(a.dtype) ? gpuBound : 0;
    const [left, right] = [floatsIn(a), floatsIn(b)];
    const gap =
      left && right
        ? largestGap({ ...a, dtype: 'float32', data: left }, { ...b, dtype: 'float32', data: right })
        : largestGap(a, b);
    // A gap that is no number is none that is small.
    return !(gap <= bound);
  }
}
