// What an experiment gives for the inputs of a model, as the model's tensors: numbers as they are, text through the tokenizer, a
// picture as preprocessor_config.json says; and of what goes with tokens (masks, types, positions) what it is for one sequence.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { fittedExample, isWhole } from '../../imported/exampleFiles.ts';
import type { DeclaredSize, ValueInfo } from '../../imported/onnxFile.ts';
import type { OpenedModel } from '../../imported/openedModels.ts';
import type { NamedTensors } from '../../imported/runtime.ts';
import {
  bytesPerElement,
  isElementType,
  sizeOf,
  type Tensor,
  tensorFrom,
  tensorOfBytes,
} from '../../imported/tensor.ts';
import { tensorOfLists } from '../../imported/tensorFiles.ts';
import { companion, isIds } from '../../imported/tokenInputs.ts';
import type { SeenPart } from '../../media/pictureParts.ts';
import { listed, quoted } from '../../messages/wording.ts';
import { bytesOfText } from '../bytesText.ts';
import { ExperimentError } from '../experimentFile.ts';
import { tokensOf } from '../tokens.ts';
import type { Given, GivenInputs } from './experiment.ts';

/** `float32 [batch, 3, 224, 224]`, as the file declares it. */
export const declaredInput = ({ dtype, typeName, shape }: ValueInfo): string =>
  `${dtype ?? typeName}${shape ? ` [${shape.map((size) => size ?? '?').join(', ')}]` : ''}`;

function packed(input: string, { base64 = '', dtype = '', shape = [] }: Given): Tensor {
  if (!isElementType(dtype))
    throw new ExperimentError(
      `Input ${quoted(input)} is given as ${quoted(dtype)}, which is not computed with.`,
    );
  const bytes = bytesOfText(base64, `input ${quoted(input)}`);
  const needed = sizeOf(shape) * bytesPerElement(dtype);
  if (bytes.length !== needed)
    throw new ExperimentError(
      `Input ${quoted(input)} is given as ${bytes.length} bytes; ${dtype} [${shape.join(', ')}] has ${needed}.`,
    );
  return tensorOfBytes(dtype, shape, bytes);
}

interface GivenTensor {
  readonly tensor: Tensor;
  /** Of a picture, which part the numbers are of. */
  readonly seen?: SeenPart;
}

const isColours = (size: DeclaredSize): boolean => size === 1 || size === 3;

async function pictureTensor(
  info: ValueInfo,
  { picture = '', preprocessor = {}, name = 'the picture' }: Given,
  { beside }: OpenedModel,
): Promise<GivenTensor> {
  const { pictureNumbers, readPicture } = await import('../../media/pictures.ts');
  const read = readPicture(bytesOfText(picture, quoted(name)), name);
  const [, first, second, third] = info.shape ?? [];
  if (info.shape?.length !== 4)
    throw new ExperimentError(
      `Input ${quoted(info.name)} is ${declaredInput(info)}; a picture is given to inputs of four axes.`,
    );
  const isLast = isColours(third) && !isColours(first);
  const colours = isLast ? third : first;
  const settings = { ...beside.preprocessor, ...preprocessor };
  const isSilent = Object.keys(settings).length === 0;
  const sizeOr = (declared: DeclaredSize) => (typeof declared === 'number' ? declared : undefined);
  const { data, shape, seen } = pictureNumbers(read, isSilent ? undefined : settings, {
    channels: sizeOr(colours) ?? 3,
    height: sizeOr(isLast ? first : second),
    width: sizeOr(isLast ? second : third),
  });
  if (!isLast) return { tensor: { dtype: 'float32', shape: [1, ...shape], data }, seen };
  const [channels, height, width] = shape;
  const pixels = height * width;
  const tensor = tensorFrom(
    'float32',
    [1, height, width, channels],
    (at) => data[(at % channels) * pixels + Math.floor(at / channels)] ?? 0,
  );
  return { tensor, seen };
}

async function givenTensor(
  info: ValueInfo,
  given: Given,
  opened: OpenedModel,
  tokenizer: Tokenizer | undefined,
): Promise<GivenTensor> {
  if (given.file !== undefined)
    throw new ExperimentError(
      `Input ${quoted(info.name)} is in the file ${quoted(given.file)}, which the experiment does not hold. The command line reads it: patchbay run; on the page choose the file for the input.`,
    );
  if (given.text !== undefined) {
    if (!isIds(info))
      throw new ExperimentError(
        `Input ${quoted(info.name)} is ${declaredInput(info)}; text becomes whole numbers along two axes.`,
      );
    const ids = tokensOf(given.text, tokenizer, `input ${quoted(info.name)}`);
    return { tensor: tensorFrom('int64', [ids.length], (at) => ids[at] ?? 0) };
  }
  if (given.picture !== undefined) return pictureTensor(info, given, opened);
  if (given.base64 !== undefined) return { tensor: packed(info.name, given) };
  const type = isWhole(given.numbers) ? 'int64' : 'float32';
  return { tensor: tensorOfLists(info.name, given.numbers, type) };
}

/** Axes of one place in front, until there are as many as the input has. */
function withAxes(tensor: Tensor, { shape }: ValueInfo): Tensor {
  const missing = (shape?.length ?? 0) - tensor.shape.length;
  return missing <= 0
    ? tensor
    : { ...tensor, shape: [...Array.from({ length: missing }, () => 1), ...tensor.shape] };
}

/** @throws ExperimentError for another size than the file says, or for several rows */
function requireSizes(info: ValueInfo, { shape }: Tensor, batchAxis: number | undefined): void {
  const differs = info.shape?.some((size, axis) => typeof size === 'number' && size !== shape[axis]);
  if (differs)
    throw new ExperimentError(
      `Input ${quoted(info.name)} is ${declaredInput(info)} in the model; what is given is [${shape.join(', ')}].`,
    );
  const rows = batchAxis === undefined ? 1 : (shape[batchAxis] ?? 1);
  if (rows !== 1)
    throw new ExperimentError(
      `Input ${quoted(info.name)} is given with ${rows} rows along axis ${batchAxis}; an experiment is about one.`,
    );
}

/** Of a model of two stacks, the one that an input belongs to; empty for the only one. */
const stackOf = (name: string): string => /^(encoder|decoder)[_.]/i.exec(name)?.[1]?.toLowerCase() ?? '';

/** What goes with tokens, for one sequence without padding: as long as the tokens of its own stack. */
function companionTensor(info: ValueInfo, given: NamedTensors): Tensor | undefined {
  const valueAt = isIds(info) ? companion(info) : undefined;
  const stack = stackOf(info.name);
  const tokens = Object.entries(given).find(
    ([name, { dtype, shape }]) => shape.length === 2 && /^u?int/.test(dtype) && stackOf(name) === stack,
  );
  const length = tokens?.[1].shape[1];
  if (!valueAt || length === undefined) return undefined;
  return tensorFrom(info.dtype ?? 'int64', [1, length], valueAt);
}

export interface RunInputs {
  readonly tensors: NamedTensors;
  /** Which part of its picture the model sees; absent where none is given as one. */
  readonly seen?: SeenPart;
}

/**
 * @param given inputs by their names
 * @param of    inputs of another run, for those that are not given
 * @throws ExperimentError for an input that the model has not, that does not fit, or that is missing, with its type and axes
 */
export async function readInputs(
  opened: OpenedModel,
  tokenizer: Tokenizer | undefined,
  given: GivenInputs,
  of: NamedTensors = {},
): Promise<RunInputs> {
  const { inputs } = opened.imported.graph;
  const read: Record<string, Tensor> = {};
  let seen: SeenPart | undefined;
  for (const [name, each] of Object.entries(given)) {
    const info = inputs.find((own) => own.name === name);
    const made = info && (await givenTensor(info, each, opened, tokenizer));
    // One that the model has not is refused below, with those that it has.
    read[name] = made ? withAxes(made.tensor, info) : tensorFrom('float32', [], () => 0);
    seen ??= made?.seen;
  }
  const fitted = fittedExample(read, inputs);
  const batch = opened.imported.probe.groups.find(({ name }) => name === 'batch');
  const all: Record<string, Tensor> = {};
  for (const info of inputs) {
    const { name } = info;
    const own = fitted[name] ?? of[name] ?? companionTensor(info, fitted) ?? companionTensor(info, of);
    if (!own) {
      const missing = inputs.filter((each) => !(fitted[each.name] ?? of[each.name]));
      throw new ExperimentError(
        `The model needs the input ${quoted(name)}, ${declaredInput(info)}, of which nobody knows what it is. Give it under 'clean' by its name. Inputs that are not given: ${listed(missing.map((each) => each.name))}.`,
      );
    }
    requireSizes(info, own, batch?.axes.find(({ input }) => input === name)?.axis);
    all[name] = own;
  }
  // A companion that was made for the clean run is as long as that; of other tokens it is made anew.
  for (const info of inputs) {
    if (fitted[info.name]) continue;
    const anew = companionTensor(info, fitted);
    if (anew && all[info.name]?.shape[1] !== anew.shape[1]) all[info.name] = anew;
  }
  return { tensors: all, ...(seen ? { seen } : {}) };
}
