// Whether a model fits, and where its weights wait between uses. Decided before a byte of them is read, from the sizes
// that the checkpoint's header tells and what the device can hold.

import { type Architecture, allParts, type WeightSource } from '../../architectures/architecture.ts';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { type Backend, BackendError, elementCount, OutOfMemoryError } from '../backends/backend.ts';

/** Where weights wait between uses: on the device in float32, in memory as stored, or in the checkpoint. */
export type WeightResidency = 'expanded' | 'packed' | 'streamed';

/** What the layers' products with weights are computed in. */
export type Precision = 'float32' | 'float16';

/** Sizes of a model's weights, in bytes. */
export interface WeightSizes {
  readonly parameterCount: number;
  /** What those that the layers multiply by are expanded to; the rest to float32. Default float32. */
  readonly precision?: Precision;
  /** All weights expanded, shared ones once. */
  readonly expandedBytes: number;
  /** All weights as the checkpoint stores them. */
  readonly packedBytes: number;
  /** The largest tensor expanded. */
  readonly largestTensor: { readonly name: string; readonly bytes: number; readonly precision?: Precision };
  /** The largest part that runs at once (the embedding, a layer, the head) expanded. */
  readonly largestPartBytes: number;
}

export interface Placement {
  readonly residency: WeightResidency;
  /** Why the weights are not simply expanded, and what that means, in a sentence; absent when they are. */
  readonly reason?: string;
}

/** Tensors of a list of sources, each once, with their bytes. */
function tensorsOf(
  sources: readonly WeightSource[],
  half: ReadonlySet<string>,
): ReadonlyMap<string, { readonly count: number; readonly bytes: number }> {
  return new Map(
    sources.flatMap((source) => {
      if (source.kind !== 'tensor') return [];
      const count = elementCount(source.shape);
      return [[source.tensor, { count, bytes: count * (half.has(source.tensor) ? 2 : 4) }] as const];
    }),
  );
}

const sumOf = (sizes: Iterable<number>): number => [...sizes].reduce((sum, size) => sum + size, 0);

/** @param half tensors that are expanded to float16 */
export function weightSizes(
  architecture: Architecture,
  checkpoint: Checkpoint,
  half: ReadonlySet<string> = new Set(),
): WeightSizes {
  const parts = allParts(architecture).map((part) => tensorsOf(Object.values(part.weights), half));
  const all = new Map(parts.flatMap((tensors) => [...tensors]));
  const bytesOf = (tensors: (typeof parts)[number]) => sumOf([...tensors.values()].map(({ bytes }) => bytes));
  let largest: WeightSizes['largestTensor'] = { name: '', bytes: 0 };
  for (const [name, { bytes }] of all) {
    if (bytes > largest.bytes) largest = { name, bytes, ...(half.has(name) ? { precision: 'float16' } : {}) };
  }
  return {
    parameterCount: sumOf([...all.values()].map(({ count }) => count)),
    ...(half.size > 0 ? { precision: 'float16' } : {}),
    expandedBytes: bytesOf(all),
    packedBytes: sumOf([...all.keys()].map((name) => checkpoint.tensors.get(name)?.sizeBytes ?? 0)),
    largestTensor: largest,
    largestPartBytes: parts.reduce((most, tensors) => Math.max(most, bytesOf(tensors)), 0),
  };
}

const precisionOf = ({ precision = 'float32' }: Pick<WeightSizes, 'precision'>): Precision => precision;

/** Bytes that weights take while nothing runs. */
export function heldBytes({ expandedBytes, packedBytes }: WeightSizes, residency: WeightResidency): number {
  return { expanded: expandedBytes, packed: packedBytes, streamed: 0 }[residency];
}

/**
 * What is said of weights that are to stay packed and that the device does not expand itself.
 * @param names of the tensors that the architecture has
 */
export function unmappedNotice(
  names: Iterable<string>,
  { tensors }: Pick<Checkpoint, 'tensors'>,
  { packing }: Pick<Backend, 'packing'>,
): string | undefined {
  if (!packing) return undefined;
  const left = [...names]
    .flatMap((name) => tensors.get(name) ?? [])
    // These are as large on the device as they are stored.
    .filter(({ dtype }) => dtype !== 'F32' && !packing.takes(dtype));
  if (left.length === 0) return undefined;
  const dtypes = [...new Set(left.map(({ dtype }) => dtype))].sort().join(', ');
  const bytes = sumOf(left.map(({ sizeBytes }) => sizeBytes));
  return `Weights of the type ${dtypes} do not stay packed on a GPU: ${amount(bytes)} of them wait in this program's memory, and each layer's are expanded here and uploaded when it runs.`;
}

/**
 * What is said of weights that had no room.
 * @param isAsked     somebody asked for them so, and for nothing else
 * @param isRehearsed the first layers ran while they arrived, and may have taken what was missing
 */
export function noRoomForWeights(
  label: string,
  sizes: WeightSizes,
  residency: WeightResidency,
  { isAsked, isRehearsed }: { readonly isAsked: boolean; readonly isRehearsed: boolean },
  cause: OutOfMemoryError,
): OutOfMemoryError {
  const held = `${label} takes ${amount(heldBytes(sizes, residency))} ${residency === 'expanded' ? `in ${precisionOf(sizes)}` : residency}`;
  const way = {
    expanded: `Packed it takes ${amount(sizes.packedBytes)}: ask for packed weights`,
    packed: 'Ask for streamed weights, which are read again for every run',
    streamed: 'Choose a smaller model',
  }[residency];
  return new OutOfMemoryError(
    isAsked
      ? `${held}, as was asked for, and the GPU has no room for it. ${way}, or leave the choice to Patchbay.`
      : `${held}, and the GPU has no room for it. ${cause.message}`,
    residency,
    { cause, isRehearsed },
  );
}

/** `7.2 GB`, in powers of a thousand as downloads are counted. */
function amount(bytes: number): string {
  const [scale, unit] = bytes < 1e9 ? [1e6, 'MB'] : [1e9, 'GB'];
  return `${Number((bytes / scale).toPrecision(2))} ${unit}`;
}

/**
 * Choose where the weights wait, or refuse a model that cannot run here at all.
 * @param budgetBytes that weights may take while nothing runs
 * @throws BackendError with a sentence: what is too large, what the device holds, what to do
 */
export function placeWeights(
  label: string,
  sizes: WeightSizes,
  {
    kind,
    largestTensorBytes,
    largestPartBytes,
  }: Pick<Backend, 'kind' | 'largestTensorBytes' | 'largestPartBytes'>,
  budgetBytes: number,
): Placement {
  const { name, bytes, precision = 'float32' } = sizes.largestTensor;
  if (bytes > largestTensorBytes) {
    throw new BackendError(
      `${label} cannot run on this GPU: its tensor '${name}' takes ${amount(bytes)} in ${precision}, and the largest buffer ` +
        `here holds ${amount(largestTensorBytes)}. Choose a smaller model, or open the page with ?backend=wasm.`,
    );
  }
  const partLimit = Math.min(largestPartBytes, budgetBytes);
  if (sizes.largestPartBytes > partLimit) {
    const where =
      largestPartBytes <= budgetBytes && kind === 'wasm' ? 'WebAssembly holds' : 'this device has room for';
    throw new BackendError(
      `${label} cannot run here: its largest part takes ${amount(sizes.largestPartBytes)} in ${precisionOf(sizes)} while it runs, and ` +
        `${where} ${amount(partLimit)}. Choose a smaller model.`,
    );
  }
  const { expandedBytes, packedBytes } = sizes;
  if (expandedBytes <= budgetBytes) return { residency: 'expanded' };
  const tooLarge = `${amount(expandedBytes)} in ${precisionOf(sizes)} would not fit in the ${amount(budgetBytes)} that weights may take here`;
  return packedBytes <= budgetBytes
    ? {
        residency: 'packed',
        reason: `Weights stay packed: ${tooLarge}. Each layer is expanded when it runs, so a run takes longer.`,
      }
    : {
        residency: 'streamed',
        reason:
          `Weights are read again for every run: ${tooLarge}, nor would ${amount(packedBytes)} as stored. ` +
          'Each layer is read and expanded when it runs, so a run takes much longer.',
      };
}
