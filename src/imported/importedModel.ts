// A model that somebody brings as an ONNX file: opened, tried, cut into stages, run under edits of any of its tensors.

import type { ByteSource } from '../checkpoint/sources/byteSource.ts';
import { BackendError } from '../runtime/backends/backend.ts';
import { Programs } from '../runtime/backends/programs.ts';
import { Turns } from '../runtime/backends/turns.ts';
import { type BackwardProgram, executeGradients } from './backward/backwardRun.ts';
import type { GradientRow, RowGradients } from './backward/objective.ts';
import { fittedExample } from './exampleFiles.ts';
import { executePlan } from './execute.ts';
import { requireHandable } from './expectedSizes.ts';
import { exportHooked } from './exportHooked.ts';
import type { GpuRuntime } from './gpuRuntime.ts';
import { GpuStages, type UsedPlace } from './gpuStages.ts';
import { normalise } from './normalise.ts';
import { dependentOn } from './order.ts';
import { type FixedInputs, type NormalGraph, nodesNeeded, openPiece, type RunnablePiece } from './piece.ts';
import type { PlanRow } from './plan.ts';
import { type Probe, probe } from './probe.ts';
import { readOnnx } from './readOnnx.ts';
import type { NamedTensors, OnnxRuntime } from './runtime.ts';
import { resolveTensor, type Sites } from './schedule.ts';
import { SizedGraphs } from './sizedGraphs.ts';
import { firstStages, stagesOf } from './stages.ts';
import { type Chain, findChains } from './structure.ts';
import { sizeOf } from './tensor.ts';
import { type PlacedStage, tryStages } from './tryStages.ts';
import { type OpenPart, WeightStore, weightsWithin } from './weightStore.ts';

export interface OpenImportedOptions {
  /** Opens files that lie beside the model, where its weights may be. Default: there are none. */
  readonly openPart?: OpenPart;
  /** Inputs that are constants from here on; those that choose a branch, as a rule. */
  readonly fixed?: FixedInputs;
  /** Inputs to try the model with; what is not given is made up. */
  readonly example?: NamedTensors;
  /** A GPU, for the stages that can run on it; it stays open. */
  readonly gpu?: GpuRuntime | undefined;
  /** Called before weights are read, with the bytes of all files. */
  readonly makeRoom?: (bytes: number) => Promise<void>;
  readonly signal?: AbortSignal;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Called with the share of the work that is done, 0 to 1. */
  readonly onProgress?: (done: number) => void;
}

/** Each holds the optimised graph of all layers, there and back. */
const mostBackward = 16;

export class ImportedModel {
  readonly label: string;
  readonly producer: string;
  /** Tells this file's contents from others under the same name. */
  readonly fingerprint: string;
  readonly graph: NormalGraph;
  readonly probe: Probe;
  /** The first is the model's own way from input to output; others feed it. */
  readonly chains: readonly Chain[];
  readonly sites: Sites;
  readonly #runtime: OnnxRuntime;
  readonly #store: WeightStore;
  readonly #sized: SizedGraphs;
  readonly #pieces = new Programs<RunnablePiece>();
  readonly #backward = new Programs<BackwardProgram>(mostBackward);
  readonly #turns = new Turns();
  readonly #gpu: GpuStages | undefined;
  #placed: readonly PlacedStage[] | undefined;

  private constructor(
    about: Pick<ImportedModel, 'label' | 'producer' | 'fingerprint' | 'graph' | 'probe'>,
    runtime: OnnxRuntime,
    store: WeightStore,
    gpu: GpuRuntime | undefined,
  ) {
    const { label, producer, graph, probe: probed } = about;
    this.label = label;
    this.producer = producer;
    this.fingerprint = about.fingerprint;
    this.graph = graph;
    this.probe = probed;
    this.#runtime = runtime;
    this.#store = store;
    this.chains = findChains(graph);
    const stages = stagesOf(graph, this.chains);
    this.sites = {
      graph,
      tensors: probed.tensors,
      dependent: probed.dependent,
      stages,
      first: firstStages(graph, stages),
    };
    const dependent = dependentOn(
      graph.nodes,
      graph.inputs.map(({ name }) => name),
    );
    this.#sized = new SizedGraphs(graph, store, runtime, dependent, [...probed.tensors.keys()]);
    this.#gpu = gpu && new GpuStages({ gpu, host: runtime, store, graph, facts: probed.tensors });
  }

  /**
   * Open an ONNX file and try it.
   * @throws CheckpointError when the file is damaged, lacks its weights, or holds what is not run here; BackendError when the
   *         runtime refuses it
   */
  static async open(
    source: ByteSource,
    runtime: OnnxRuntime,
    {
      openPart = async () => undefined,
      fixed = {},
      example = {},
      makeRoom,
      gpu,
      signal,
    }: OpenImportedOptions = {},
  ): Promise<ImportedModel> {
    const file = await readOnnx(source, signal);
    const inFunctions = file.functions.flatMap(({ nodes }) => nodes);
    const weights = [
      ...weightsWithin(file.graph),
      ...weightsWithin({ ...file.graph, weights: new Map(), nodes: inFunctions }),
    ];
    const store = await WeightStore.open(source, weights, openPart);
    try {
      await makeRoom?.(store.fileBytes);
      const graph = await normalise(file, store, runtime, fixed);
      signal?.throwIfAborted();
      const given = fittedExample(example, graph.inputs);
      const probed = await probe(graph, store, runtime, { example: given });
      const { label, producer } = file;
      const fingerprint = await store.fingerprint({ fixed }, signal);
      const about = { label, producer, fingerprint, graph, probe: probed };
      const model = new ImportedModel(about, runtime, store, gpu);
      await model.#place(signal);
      return model;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  async #place(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#gpu) return;
    const { graph } = await this.#sized.at(this.probe.inputs);
    this.#placed = await tryStages(this.#gpu, this.sites, this.probe, graph, signal);
  }

  /** Where each stage runs, of a model that was given a GPU. */
  get placedStages(): readonly PlacedStage[] | undefined {
    return this.#placed;
  }

  /** Where the stages ran that have run since this was last asked, edits included; of a model that was given a GPU. */
  takeUsedPlaces(): readonly UsedPlace[] {
    return this.#gpu?.takeUsed() ?? [];
  }

  /** Numbers in all weights that are no sizes or axes. */
  get parameterCount(): number {
    return [...this.graph.weights.values()]
      .filter(({ dtype }) => dtype !== 'int64' && dtype !== 'bool')
      .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** Bytes of weights in memory. */
  get weightBytes(): number {
    return this.#store.loadedBytes;
  }

  /** The tensor that a name means. @throws SiteError that says why there is nothing to intervene on */
  resolve(name: string): string {
    return resolveTensor(this.sites, name);
  }

  /**
   * Run rows, which are inputs under edits.
   * @returns what each row reads, by the names that it asks for
   * @throws SiteError when an edit or a read cannot be; BackendError when the runtime does not run it
   */
  run(rows: readonly PlanRow[], options: RunOptions = {}): Promise<readonly NamedTensors[]> {
    return this.#turns.take(async () => {
      const results = await this.#execute(rows, options);
      await this.#pieces.trim();
      return results;
    });
  }

  #execute(rows: readonly PlanRow[], { signal, onProgress }: RunOptions): Promise<readonly NamedTensors[]> {
    for (const { inputs, edits, reads } of rows)
      requireHandable(this.probe, [...reads, ...edits.map(({ tensor }) => tensor)], inputs);
    return executePlan(
      {
        sites: this.sites,
        probe: this.probe,
        runtime: this.#runtime,
        store: this.#store,
        sized: this.#sized,
        pieces: this.#pieces,
        gpu: this.#gpu,
        signal,
        onProgress,
      },
      rows,
    );
  }

  /**
   * Differentiate objectives of rows. Of the file's nodes only those between what is wanted and an objective must have rules.
   * @param rows as of a plan; names of tensors are resolved ones, edits on the way are of entries by numbers
   * @throws SiteError that names the operator without a rule, or says that the gradient's graph is not the file's
   */
  gradients(rows: readonly GradientRow[], options: RunOptions = {}): Promise<readonly RowGradients[]> {
    const { signal, onProgress } = options;
    return this.#turns.take(async () => {
      const results = await executeGradients(
        {
          runtime: this.#runtime,
          store: this.#store,
          sized: this.#sized,
          tensors: this.probe.tensors,
          programs: this.#backward,
          run: (plan) => this.#execute(plan, { ...(signal ? { signal } : {}) }),
          signal,
          onProgress,
        },
        rows,
      );
      await this.#pieces.trim();
      await this.#backward.trim();
      return results;
    });
  }

  /**
   * What tensors measure with these inputs; found out once for each set of sizes.
   * @param names resolved ones
   * @throws BackendError when the model does not admit the sizes, SiteError for tensors that nothing could hold
   */
  shapesOf(names: readonly string[], inputs: NamedTensors): Promise<ReadonlyMap<string, readonly number[]>> {
    return this.#turns.take(async () => {
      requireHandable(this.probe, names, inputs);
      return this.#sized.shapesOf(names, inputs);
    });
  }

  /** Whether a tensor can be computed from inputs of these sizes, by itself. */
  admits(tensor: string, inputs: NamedTensors): Promise<boolean> {
    return this.#turns.take(async () => {
      const nodes = nodesNeeded(this.graph.nodes, [tensor], new Set());
      const piece = { nodes, inputs: this.graph.inputs, outputs: [tensor] };
      const opened = await openPiece(this.#runtime, this.#store, this.graph, piece, true);
      try {
        await opened.run(inputs);
        return true;
      } catch (error) {
        if (error instanceof BackendError) return false;
        throw error;
      } finally {
        await opened.dispose();
      }
    });
  }

  /**
   * The model as an ONNX file with hooks; see `exportHooked`.
   * @throws SiteError when a site does not exist
   */
  exportHooked(names: readonly string[]): Promise<Uint8Array> {
    const sites = [...new Set(names.map((name) => this.resolve(name)))].flatMap((name) => {
      const facts = this.probe.tensors.get(name);
      return facts ? [{ name, facts }] : [];
    });
    return this.#turns.take(() => exportHooked(this.graph, this.#store, sites));
  }

  /** Release what was made for this model. The runtime stays open. */
  async dispose(): Promise<void> {
    await this.#turns.take(async () => {
      await this.#pieces.dispose();
      await this.#backward.dispose();
      await this.#sized.dispose();
      await this.#store.close();
    });
  }
}
