// From a checkpoint to what a model is made of: whether it fits and where its weights wait, the weights themselves, and the
// rehearsal of its first layers while they arrive.

import type { Architecture } from '../architectures/architecture.ts';
import { architectureOfWeights, weightSources } from '../architectures/registry.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type Backend, OutOfMemoryError } from './backends/backend.ts';
import { constantLimit, Programs } from './backends/programs.ts';
import { Turns } from './backends/turns.ts';
import { halfTensors } from './forward/halfTensors.ts';
import { firstLayers, Rehearsal } from './rehearsal.ts';
import { expectHalf } from './weights/halfSupport.ts';
import {
  heldBytes,
  noRoomForWeights,
  type Placement,
  type Precision,
  placeWeights,
  unmappedNotice,
  type WeightResidency,
  type WeightSizes,
  weightSizes,
} from './weights/residency.ts';
import { type Room, sparing, wholeRoom } from './weights/room.ts';
import { type EarlyUse, tensorNames, WeightStore } from './weights/weights.ts';

/** @typeParam M a model that is made of the parts */
export interface LoadRequest<M> {
  readonly signal?: AbortSignal;
  /**
   * Called with the bytes that were read, as the checkpoint stores them, of `total` in all: first with 0, then after each
   * tensor. Not called where weights are streamed.
   */
  readonly onBytes?: (done: number, total: number) => void;
  /** Bytes that weights may take while nothing runs; default 4 GiB. Decides the residency unless that is given. */
  readonly weightBytes?: number;
  /** Where weights wait between uses, whatever they take; default what `weightBytes` has room for. */
  readonly residency?: WeightResidency;
  /** Default float32. */
  readonly precision?: Precision;
  /** What a device had room for before; default all that the sizes allow. */
  readonly room?: Room;
  /** Called before weights are read, with the bytes that they will take while nothing runs. What it throws ends the load. */
  readonly makeRoom?: (bytes: number) => Promise<void>;
  /**
   * For a device that compiles what it runs first: is given a model of the first layers as soon as their weights are there, to run
   * what will be run. Its graphs are this model's. The load does not wait for it; later runs take turns with it, and gradients end
   * it. Not called where weights are streamed, or the first layers have not all graphs (`firstLayers`).
   *
   * A BackendError or DeviceLostError of a run that began while weights arrived fails the load, or the model's next run when the
   * load has ended; what else goes wrong with it is passed over.
   * @param signal aborted when it is to stop: the load failed, or the model is disposed or wanted for gradients
   */
  readonly rehearse?: (first: M, signal: AbortSignal) => Promise<unknown>;
}

/** Bytes that weights may take while nothing runs, where nobody says. */
export const defaultWeightBytes = 4 * 2 ** 30;

/** What a model and the one of its first layers have together. */
export class Shared {
  readonly programs: Programs;
  /** Runs share weights that are brought in for one layer at a time. */
  readonly turns = new Turns();
  readonly rehearsal = new Rehearsal();

  constructor(backend: Backend) {
    this.programs = new Programs(undefined, constantLimit(backend));
  }
}

/** @typeParam E its weights, or what runs it without */
export interface ModelParts<E = WeightStore> extends Placement {
  readonly architecture: Architecture;
  readonly backend: Backend;
  readonly label: string;
  readonly engine: E;
  readonly sizes: WeightSizes;
  readonly notices: readonly string[];
  readonly fingerprint: string | undefined;
  readonly room?: Room;
  readonly shared?: Shared;
  /** It is the one of the first layers. */
  readonly isRehearsing?: true;
}

/**
 * Check a checkpoint against its architecture and load its weights.
 * @param modelOf makes the model of the first layers, for whom it is rehearsed
 * @throws as `Model.load`
 */
export async function loadParts<M>(
  checkpoint: Checkpoint,
  backend: Backend,
  options: LoadRequest<M>,
  modelOf: (parts: ModelParts) => M,
): Promise<ModelParts> {
  const { signal, onBytes, room = wholeRoom, rehearse } = options;
  const { label } = checkpoint;
  const { architecture, notices } = await architectureOfWeights(checkpoint, signal);
  const isHalf = options.precision === 'float16';
  if (isHalf) expectHalf(backend);
  const half = isHalf ? halfTensors(architecture) : new Set<string>();
  const sizes = weightSizes(architecture, checkpoint, half);
  const bySize = options.residency
    ? { residency: options.residency }
    : placeWeights(label, sizes, backend, options.weightBytes ?? defaultWeightBytes);
  const placement = { ...bySize, residency: sparing(bySize.residency, room.residency) };
  const { residency } = placement;
  await options.makeRoom?.(heldBytes(sizes, residency));
  const shared = new Shared(backend);
  const { rehearsal, programs } = shared;
  const together = { ...placement, backend, label, sizes, room, shared };
  const begun = rehearse && !room.isUnrehearsed ? firstLayers(architecture) : undefined;
  const early: EarlyUse | undefined = rehearse &&
    begun && {
      sources: weightSources(begun),
      begin: (engine) => {
        const about = { notices: [], fingerprint: undefined, isRehearsing: true } as const;
        const first = { ...together, ...about, architecture: begun, engine };
        rehearsal.begin((stop) => rehearse(modelOf(first), stop));
      },
      check: () => rehearsal.check(),
      arrived: () => rehearsal.arrived(),
      end: () => rehearsal.end(),
    };
  const engine = await WeightStore.open(backend, checkpoint, weightSources(architecture), {
    residency,
    half,
    ...(signal ? { signal } : {}),
    ...(onBytes ? { onBytes } : {}),
    ...(early ? { early } : {}),
  }).catch(async (error: unknown) => {
    await programs.dispose();
    if (!(error instanceof OutOfMemoryError)) throw error;
    const why = { isAsked: options.residency !== undefined, isRehearsed: rehearsal.hasBegun };
    throw noRoomForWeights(label, sizes, residency, why, error);
  });
  const fingerprint = await checkpoint.fingerprint?.(signal).catch(async (error: unknown) => {
    await rehearsal.end();
    engine.close();
    await programs.dispose();
    throw error;
  });
  const names = tensorNames(weightSources(architecture));
  const unmapped = residency === 'packed' ? unmappedNotice(names, checkpoint, backend) : undefined;
  const said = [...(checkpoint.notices ?? []), ...notices, ...(unmapped === undefined ? [] : [unmapped])];
  return { ...together, architecture, engine, notices: said, fingerprint };
}
