// Weights in 8-bit floats come with scales in tensors of their own: one for a whole weight, one for each row, or one for
// each block. A weight and its scale are one tensor of float32 to those who read them.

import type { ModelConfiguration, TensorInfo } from '../checkpoint.ts';
import { CheckpointError } from '../checkpoint.ts';
import { expand } from '../storage/expand.ts';

/** How many rows and columns of a weight share one scale. */
interface Block {
  readonly rows: number;
  readonly columns: number;
}

export interface ScaledTensor {
  /** As it is read: in float32, scales applied. */
  readonly info: TensorInfo;
  readonly weight: TensorInfo;
  readonly scale: TensorInfo;
  readonly block: Block;
}

export interface ScaledWeights {
  readonly tensors: ReadonlyMap<string, ScaledTensor>;
  /** Tensors that only belong to the quantisation, and are no weights of the model. */
  readonly besides: ReadonlySet<string>;
}

const isFloat8 = ({ dtype }: TensorInfo): boolean => dtype.startsWith('F8_');
const companions =
  /(\.|_)(weight_scale(_inv)?|input_scale|output_scale|[qkv]_scale|activation_scale|scale_ub)$/;

function sectionOf(config: ModelConfiguration): Readonly<Record<string, unknown>> {
  const section = config.quantization_config;
  return typeof section === 'object' && section !== null ? { ...section } : {};
}

/** `weight_block_size`: [rows, columns]. */
function blockOf(config: ModelConfiguration): readonly [number, number] | undefined {
  const size = sectionOf(config).weight_block_size;
  const [rows, columns]: readonly unknown[] = Array.isArray(size) ? size : [];
  return typeof rows === 'number' && typeof columns === 'number' && rows > 0 && columns > 0
    ? [rows, columns]
    : undefined;
}

/** @throws CheckpointError when the scales fit the weight in no way that is known */
function blockFor(
  weight: TensorInfo,
  scale: TensorInfo,
  given: readonly [number, number] | undefined,
  label: string,
): Block {
  const [rows = 1, columns = 1] = weight.shape.length === 1 ? [1, weight.shape[0]] : weight.shape;
  const count = scale.shape.reduce((product, size) => product * size, 1);
  const [down = 1, across = 1] = scale.shape;
  if (count === 1) return { rows, columns };
  if (count === rows && across === 1) return { rows: 1, columns };
  if (given && scale.shape.length === 2 && weight.shape.length === 2) {
    const [blockRows, blockColumns] = given;
    if (down === Math.ceil(rows / blockRows) && across === Math.ceil(columns / blockColumns))
      return { rows: blockRows, columns: blockColumns };
  }
  throw new CheckpointError(
    `Tensor '${weight.name}' of ${label} has shape [${weight.shape.join(', ')}], and its scales '${scale.name}' [${scale.shape.join(', ')}]` +
      `${given ? ` for blocks of [${given.join(', ')}]` : ''}; they do not fit. One scale, one for each row, or one for each block of 'weight_block_size' is expected.`,
  );
}

/** The 8-bit weights of a checkpoint that have scales. */
export function scaledWeights(
  tensors: ReadonlyMap<string, TensorInfo>,
  config: ModelConfiguration,
  label: string,
): ScaledWeights {
  const scaled = new Map<string, ScaledTensor>();
  const given = blockOf(config);
  for (const [name, weight] of tensors) {
    const scale = isFloat8(weight)
      ? (tensors.get(`${name}_scale_inv`) ?? tensors.get(`${name}_scale`))
      : undefined;
    if (!scale) continue;
    const elements = weight.sizeBytes;
    const info: TensorInfo = { name, dtype: 'F32', shape: weight.shape, sizeBytes: 4 * elements };
    scaled.set(name, { info, weight, scale, block: blockFor(weight, scale, given, label) });
  }
  const besides = scaled.size === 0 ? [] : [...tensors.keys()].filter((name) => companions.test(name));
  return { tensors: scaled, besides: new Set(besides) };
}

/**
 * A weight in float32.
 * @param weight [rows, columns] as stored
 * @param scales as stored
 */
export function applyScales(tensor: ScaledTensor, weight: Uint8Array, scales: Uint8Array): Uint8Array {
  const { block, info } = tensor;
  const count = info.sizeBytes / 4;
  const values = expand(tensor.weight.dtype, weight, count, new Float32Array(count));
  const scaleCount = tensor.scale.shape.reduce((product, size) => product * size, 1);
  const factors = expand(tensor.scale.dtype, scales, scaleCount);
  const columns = info.shape.at(-1) ?? 1;
  const across = Math.ceil(columns / block.columns);
  for (let i = 0; i < count; i++) {
    const row = Math.floor(i / columns);
    const at = Math.floor(row / block.rows) * across + Math.floor((i % columns) / block.columns);
    values[i] = (values[i] ?? 0) * (factors[at] ?? 0);
  }
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Methods that store weights in 8-bit floats with scales. */
const float8Methods: readonly unknown[] = ['fp8', 'fbgemm_fp8', 'compressed-tensors', 'modelopt', 'quark'];

/**
 * The configuration without its section on quantisation, where all that was quantised has been read.
 * @returns undefined when something else was done to the weights
 */
export function withoutFloat8(
  config: ModelConfiguration,
  tensors: ReadonlyMap<string, TensorInfo>,
  { tensors: scaled }: ScaledWeights,
): ModelConfiguration | undefined {
  const { quant_method: method } = sectionOf(config);
  const isRead = [...tensors.values()].every((info) => !isFloat8(info) || scaled.has(info.name));
  if (scaled.size === 0 || !isRead || !float8Methods.includes(method)) return undefined;
  const { quantization_config: _, ...rest } = config;
  return rest;
}
