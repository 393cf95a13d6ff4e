// What each of pyvene's intervention classes keeps: its parameters under our names, and the state dict that pyvene saves
// of them. Their shapes are those of the types themselves. A class that is not in the table is not read; nothing is ever
// imported by a name that a file gives.

import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import {
  floatTensor,
  type TorchTensor,
  torchFloats,
  torchNumbers,
  wholeTensor,
} from '../../checkpoint/torch/torchTensor.ts';
import { listed, quoted } from '../../messages/wording.ts';
import { interventionType, pythonClass } from '../types/registry.ts';
import { layerOf, rotationOf } from './pyveneRotation.ts';

/** A parameter or a constant source: float32, row-major. */
export interface PyveneTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** D is the width that is intervened on; R the representation's low_rank_dimension, L its latent_dim. */
type Letter = 'D' | 'R' | 'L';

/** What pyvene calls the sizes of our types. */
const letters: Readonly<Record<string, Letter>> = { width: 'D', rank: 'R', latents: 'L' };

interface Parameter {
  /** Its key in the state dict. */
  readonly key: string;
  /** 'scalar' is saved without dimensions, 'orthogonal' as the layer of pyveneRotation.ts. */
  readonly as?: 'scalar' | 'orthogonal';
}

export interface PyveneType {
  readonly module: 'pyvene.models.interventions' | 'pyreft.interventions';
  /** Where the source comes from: another run or a constant that the file holds; a learned function; nowhere. */
  readonly source: 'any' | 'run' | 'none';
  /** What pyvene saves as `intervention_constant_sources` of one without a source of its own. */
  readonly isConstant?: boolean;
  /** Keys that pyvene's strict loading asks for beside the parameters. */
  readonly dimensions?: boolean;
  readonly parameters?: Readonly<Record<string, Parameter>>;
  /** Sizes that this class calls otherwise than the others. */
  readonly letters?: Readonly<Record<string, Letter>>;
}

const pyvene = 'pyvene.models.interventions';
const swap: PyveneType = { module: pyvene, source: 'any' };
const sourceless: PyveneType = { module: pyvene, source: 'none', isConstant: true };
const orthogonalLayer: Parameter = { key: 'rotate_layer', as: 'orthogonal' };
const temperature: Parameter = { key: 'temperature', as: 'scalar' };

const trained = (parameters: Readonly<Record<string, Parameter>>): PyveneType => ({
  module: pyvene,
  source: 'run',
  dimensions: true,
  parameters,
});

export const pyveneTypes: Readonly<Record<string, PyveneType>> = {
  VanillaIntervention: swap,
  AdditionIntervention: swap,
  SubtractionIntervention: swap,
  SkipIntervention: { module: pyvene, source: 'run' },
  ZeroIntervention: sourceless,
  CollectIntervention: sourceless,
  NoiseIntervention: sourceless,
  RotatedSpaceIntervention: trained({ rotation: orthogonalLayer }),
  LowRankRotatedSpaceIntervention: trained({ rotation: orthogonalLayer }),
  BoundlessRotatedSpaceIntervention: trained({
    rotation: orthogonalLayer,
    boundary: { key: 'intervention_boundaries' },
    temperature,
  }),
  SigmoidMaskRotatedSpaceIntervention: trained({
    rotation: orthogonalLayer,
    mask: { key: 'masks' },
    temperature,
  }),
  SigmoidMaskIntervention: trained({ mask: { key: 'mask' }, temperature }),
  AutoencoderIntervention: trained({
    encoder_weight: { key: 'autoencoder.encoder.0.weight' },
    encoder_bias: { key: 'autoencoder.encoder.0.bias' },
    decoder_weight: { key: 'autoencoder.decoder.0.weight' },
    decoder_bias: { key: 'autoencoder.decoder.0.bias' },
  }),
  JumpReLUAutoencoderIntervention: {
    ...trained({
      W_enc: { key: 'W_enc' },
      W_dec: { key: 'W_dec' },
      threshold: { key: 'threshold' },
      b_enc: { key: 'b_enc' },
      b_dec: { key: 'b_dec' },
    }),
    letters: { latents: 'R' },
  },
  LoreftIntervention: {
    module: 'pyreft.interventions',
    source: 'none',
    isConstant: true,
    parameters: {
      weight: { key: 'weight' },
      bias: { key: 'bias' },
      rotation: { key: 'rotate_layer' },
    },
  },
  DireftIntervention: {
    module: 'pyreft.interventions',
    source: 'none',
    isConstant: true,
    dimensions: true,
    parameters: {
      rotation: orthogonalLayer,
      weight: { key: 'learned_source.weight' },
      bias: { key: 'learned_source.bias' },
    },
  },
};

/** The shape of a parameter, in pyvene's letters. */
function shapeOf(typeName: string, parameter: string): readonly (Letter | 1)[] {
  const named = { ...letters, ...pyveneTypes[typeName]?.letters };
  const shape = interventionType(typeName, 'pyvene').shapes[parameter];
  if (!shape) throw new Error(`A ${typeName} has no parameter '${parameter}'.`);
  return shape.map((size) => {
    const letter = size === 1 ? size : named[size];
    if (letter === undefined) throw new Error(`pyvene has no name for the size '${size}' of a ${typeName}.`);
    return letter;
  });
}

/** Modules that define or re-export the classes above. */
const modules = ['pyvene', pyvene, 'pyreft', 'pyreft.interventions'];

/** Classes of pyvene that its own `save` loses something of. */
const lost: Readonly<Record<string, string>> = {
  PCARotatedSpaceIntervention: 'pyvene saves no components of it and cannot build it from a configuration',
  LambdaIntervention: 'it is a Python function',
  NoreftIntervention: "pyreft builds it with 'add_bias', which no folder says",
};

/**
 * The bare name of a class, from what pyvene writes for it: "<class 'pyvene.models.interventions.VanillaIntervention'>".
 * @param what begins the sentence of a refusal
 */
export function pyveneTypeNamed(written: string, what: string): string {
  const { module, name } = pythonClass(written);
  const known = `Known: ${listed(Object.keys(pyveneTypes), 30)}.`;
  if (module !== undefined && !modules.includes(module)) {
    throw new CheckpointError(
      `${what} is of the class ${quoted(`${module}.${name}`)}, which is not one of pyvene's or pyreft's; foreign classes are never imported. ${known}`,
    );
  }
  const reason = Object.hasOwn(lost, name) ? lost[name] : undefined;
  if (reason !== undefined) {
    throw new CheckpointError(`${what} is of the type ${name}, which is not read: ${reason}. ${known}`);
  }
  if (!Object.hasOwn(pyveneTypes, name)) {
    throw new CheckpointError(`${what} is of the unknown type ${quoted(name)}. ${known}`);
  }
  return name;
}

/** The type of a bare name. @throws CheckpointError as `pyveneTypeNamed` */
export function pyveneType(name: string, what: string): PyveneType {
  const type = pyveneTypes[pyveneTypeNamed(name, what)];
  if (type === undefined) throw new CheckpointError(`${what} has no type.`);
  return type;
}

/** Sizes behind the letters of a type's shapes. */
export type Sizes = Readonly<Partial<Record<Letter, number>>>;

/**
 * Check parameters against their type: the names, that data fill shapes, and that shapes agree with each other.
 * @param given sizes that are known beforehand
 * @returns the sizes of the letters
 */
export function checkParameters(
  what: string,
  typeName: string,
  parameters: Readonly<Record<string, PyveneTensor>>,
  given: Sizes,
): Sizes {
  const wanted = pyveneTypes[typeName]?.parameters ?? {};
  const refuse = (problem: string): never => {
    const names = Object.keys(wanted);
    throw new CheckpointError(
      `${what} ${problem}. ${typeName} has ${names.length === 0 ? 'no parameters' : `the parameters ${listed(names)}`}.`,
    );
  };
  const sizes = { ...given };
  for (const name of Object.keys(parameters)) {
    if (!Object.hasOwn(wanted, name)) refuse(`has a parameter ${quoted(name)}`);
  }
  for (const name of Object.keys(wanted)) {
    const wantedShape = shapeOf(typeName, name);
    const tensor = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (tensor === undefined) return refuse(`lacks the parameter '${name}'`);
    const { shape, data } = tensor;
    const text = `[${listed(shape.map(String))}]`;
    if (shape.length !== wantedShape.length)
      refuse(`has '${name}' of shape ${text} instead of [${wantedShape.join(', ')}]`);
    if (shape.reduce((product, length) => product * length, 1) !== data.length) {
      refuse(`has '${name}' of shape ${text} and ${data.length} numbers`);
    }
    for (const [axis, letter] of wantedShape.entries()) {
      const length = shape[axis] ?? 0;
      const expected = letter === 1 ? 1 : (sizes[letter] ?? length);
      if (length !== expected || length < 1) {
        const meaning = { D: 'the width', R: 'low_rank_dimension', L: 'latent_dim', 1: 'its length' }[letter];
        refuse(`has '${name}' of shape ${text}, and ${meaning} is ${expected}`);
      }
      if (letter !== 1) sizes[letter] = length;
    }
  }
  if (sizes.R !== undefined && sizes.D !== undefined && wanted.rotation && sizes.R > sizes.D) {
    refuse(`has a rotation of rank ${sizes.R} in ${sizes.D} dimensions`);
  }
  return sizes;
}

const originalKey = 'rotate_layer.parametrizations.weight.original';
const baseKey = 'rotate_layer.parametrizations.weight.0.base';

export interface PyveneState {
  readonly parameters: Readonly<Record<string, PyveneTensor>>;
  readonly sourceRepresentation?: PyveneTensor;
  /** The `interchange_dim` that was saved with it. */
  readonly interchangeDim?: number | readonly number[];
}

/**
 * Parameters and constant source out of a state dict.
 * @throws CheckpointError when tensors are missing, are too many or have shapes that do not belong together
 */
export function readState(
  state: ReadonlyMap<string, TorchTensor>,
  typeName: string,
  what: string,
  given: Sizes,
): PyveneState {
  const rest = new Map(state);
  const take = (key: string): TorchTensor | undefined => {
    const tensor = rest.get(key);
    rest.delete(key);
    return tensor;
  };
  const found: [string, PyveneTensor][] = [];
  for (const [name, { key, as }] of Object.entries(pyveneTypes[typeName]?.parameters ?? {})) {
    const tensor =
      as === 'orthogonal' ? orthogonal(take(originalKey), take(baseKey), what) : floats(take(key));
    if (tensor === undefined) {
      throw new CheckpointError(
        `${what} lacks the tensor ${quoted(as === 'orthogonal' ? originalKey : key)}, which ${typeName} saves. ` +
          'Save it again with pyvene.',
      );
    }
    const shape = shapeOf(typeName, name);
    // A temperature that a schedule has set may be saved with or without a dimension.
    const isOne = shape.length === 1 && shape[0] === 1 && tensor.data.length === 1;
    found.push([name, isOne ? { data: tensor.data, shape: [1] } : tensor]);
  }
  const source = floats(take('source_representation'));
  const width = take('embed_dim');
  const interchange = take('interchange_dim');
  for (const key of ['intervention_population', 'noise', 'noise_level']) take(key);
  if (rest.size > 0) {
    throw new CheckpointError(
      `${what} holds the tensors ${listed([...rest.keys()].map(quoted))}, which ${typeName} does not have. ` +
        'The file may belong to another intervention.',
    );
  }
  const parameters = Object.fromEntries(found);
  const [embedDim] = width === undefined ? [] : torchNumbers(width);
  checkParameters(what, typeName, parameters, embedDim === undefined ? given : { ...given, D: embedDim });
  return {
    parameters,
    ...(source === undefined ? {} : { sourceRepresentation: source }),
    ...(interchange === undefined ? {} : { interchangeDim: indices(interchange) }),
  };
}

const floats = (tensor: TorchTensor | undefined): PyveneTensor | undefined =>
  tensor && { data: torchFloats(tensor), shape: tensor.shape };

function indices(tensor: TorchTensor): number | readonly number[] {
  const numbers = torchNumbers(tensor);
  return tensor.shape.length === 0 ? (numbers[0] ?? 0) : numbers;
}

function orthogonal(
  original: TorchTensor | undefined,
  base: TorchTensor | undefined,
  what: string,
): PyveneTensor | undefined {
  if (original === undefined || base === undefined) return undefined;
  const [rows = 0, columns = 0] = original.shape;
  const isSquareBase = base.shape.length === 2 && base.shape.every((length) => length === rows);
  if (original.shape.length !== 2 || columns > rows || !isSquareBase) {
    throw new CheckpointError(
      `${what} has a rotation of shape [${listed(original.shape.map(String))}] with a base of shape ` +
        `[${listed(base.shape.map(String))}]. The base has to be square and as high as the rotation.`,
    );
  }
  const layer = { original: torchFloats(original), base: torchFloats(base) };
  const data = rotationOf(layer, rows, columns);
  if (data === undefined) {
    throw new CheckpointError(
      `${what} has a rotation whose numbers are too large, or are none. Train it again.`,
    );
  }
  return { data, shape: [rows, columns] };
}

/** The state dict that pyvene saves of parameters that have been checked; `sizes` is what the check found. */
export function stateOf(
  typeName: string,
  parameters: Readonly<Record<string, PyveneTensor>>,
  sizes: Sizes,
  interchangeDim: number | readonly number[] | null,
): Readonly<Record<string, TorchTensor>> {
  const type = pyveneTypes[typeName];
  const state: Record<string, TorchTensor> = {};
  const width = sizes.D ?? 0;
  if (type?.dimensions) {
    const interchange = interchangeDim ?? width;
    state.embed_dim = wholeTensor([width], []);
    state.interchange_dim =
      typeof interchange === 'number'
        ? wholeTensor([interchange], [])
        : wholeTensor(interchange, [interchange.length]);
  }
  for (const [name, { key, as }] of Object.entries(type?.parameters ?? {})) {
    const tensor = parameters[name];
    if (tensor === undefined) continue;
    const { data, shape } = tensor;
    const [rows = 0, columns = 0] = shape;
    if (as === 'orthogonal') {
      const { original, base } = layerOf(data, rows, columns);
      state[originalKey] = floatTensor(original, shape);
      state[baseKey] = floatTensor(base, [rows, rows]);
    } else {
      state[key] = floatTensor(data, as === 'scalar' ? [] : shape);
    }
  }
  if (typeName === 'BoundlessRotatedSpaceIntervention') {
    const population = Array.from({ length: width }, (_, index) => index);
    state.intervention_population = wholeTensor(population, [width]);
  }
  return state;
}
