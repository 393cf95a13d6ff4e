// What a finetuning has trained, for use elsewhere: as the library's IntervenableModel takes it, as a folder that pyvene and
// pyreft load, as one that PEFT loads where an adapter is LoRA beside a linear layer, and as safetensors in any case.

import { safetensorsBytes } from '../../checkpoint/safetensors/written.ts';
import { writeTorchFile } from '../../checkpoint/torch/torchFile.ts';
import { floatTensor, wholeTensor } from '../../checkpoint/torch/torchTensor.ts';
import {
  type Configuration,
  interventionKeys,
  readConfiguration,
} from '../../interventions/configuration/configuration.ts';
import { modulePlace } from '../../interventions/configuration/modulePlaces.ts';
import { support } from '../../interventions/export/supportedModels.ts';
import type { Parameters } from '../../interventions/intervention.ts';
import { writePyveneFolder } from '../../interventions/pyvene/pyveneFolder.ts';
import { toPyveneFolder } from '../../interventions/pyvene/savedFolder.ts';
import { addition } from '../../interventions/types/addition.ts';
import { direft } from '../../interventions/types/direft.ts';
import { lora } from '../../interventions/types/lora.ts';
import { loreft } from '../../interventions/types/loreft.ts';
import { noreft } from '../../interventions/types/noreft.ts';
import { numbersOfText } from '../align/numbersText.ts';
import { ExperimentError } from '../experimentFile.ts';
import { type AdapterPiece, parameterKey, piecesOf } from './adapter.ts';
import type { FinetuneAdapter } from './experiment.ts';
import { type FinetuneResult, readsBeside } from './result.ts';

/** A trained adapter without its model. */
export interface TrainedAdapter {
  /** One representation for each layer; where first and last positions have weights of their own, two. */
  readonly configuration: Configuration;
  /** By the keys of the interventions; a steering vector is the constant source of an addition, and has none. */
  readonly parameters: Readonly<Record<string, Parameters>>;
  /** Where each intervention acts, in the order of the configuration: the call has to say it. */
  readonly pieces: readonly AdapterPiece[];
}

interface Trained {
  readonly adapter: FinetuneAdapter;
  readonly pieces: readonly AdapterPiece[];
  /** By piece. */
  readonly parameters: readonly Parameters[];
}

/** Of an adapter in the name of a folder. */
const longestName = 60;

/** `adapter-1-LoReFT-rank-4-layer-3-last-1` */
export const adapterFolders = ({ names }: Pick<FinetuneResult, 'names'>): readonly string[] =>
  names.map((name, index) => {
    const word = [...name.replace(/[^\p{L}\p{N}_-]+/gu, '-')].slice(0, longestName).join('');
    return `adapter-${index + 1}-${word}`;
  });

/** @throws ExperimentError when the adapter was not begun, or its numbers are damaged */
function trainedOf({ experiment, adapters, layers }: FinetuneResult, index: number): Trained {
  const adapter = experiment.adapters[index];
  const result = adapters[index];
  if (!adapter)
    throw new ExperimentError(
      `There is no adapter ${index}; this finetuning has adapters 0 to ${adapters.length - 1}.`,
    );
  if (!result || Object.keys(result.parameters).length === 0)
    throw new ExperimentError(`Adapter ${index} was not trained. Finish the run.`);
  const pieces = piecesOf(adapter, layers[index] ?? []);
  const parameters = pieces.map((_, piece): Parameters => {
    const prefix = parameterKey(piece, '');
    const own = Object.entries(result.parameters)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, text]) => [
        name.slice(prefix.length),
        { data: numbersOfText(text, name), shape: text.shape },
      ]);
    const scaling = adapter.type === 'LoRA' ? { scaling: scalingOf(adapter) } : {};
    return { ...Object.fromEntries(own), ...scaling };
  });
  return { adapter, pieces, parameters };
}

const scalingOf = ({ alpha, rank }: Extract<FinetuneAdapter, { type: 'LoRA' }>) => ({
  data: Float32Array.of((alpha ?? rank) / rank),
  shape: [1],
});

const typesOf = { LoReFT: loreft, NoReFT: noreft, DiReFT: direft, LoRA: lora, SteeringVector: addition };

function configurationOf({ adapter, pieces, parameters }: Trained): Configuration {
  return readConfiguration({
    representations: pieces.map(({ layer }, piece) => ({
      layer,
      component: adapter.component,
      unit: 'pos',
      max_number_of_units: 1,
      intervention_type: typesOf[adapter.type].name,
      ...('rank' in adapter ? { low_rank_dimension: adapter.rank } : {}),
      ...(adapter.type === 'SteeringVector'
        ? { source_representation: [...(parameters[piece]?.vector?.data ?? [])] }
        : {}),
    })),
  });
}

/**
 * An adapter as it was trained last.
 * @param index of the adapter in its experiment
 * @throws ExperimentError when it was not begun, or its numbers are damaged
 */
export function trainedAdapter(result: FinetuneResult, index: number): TrainedAdapter {
  const trained = trainedOf(result, index);
  const configuration = configurationOf(trained);
  const keys = interventionKeys(configuration);
  const parameters =
    trained.adapter.type === 'SteeringVector'
      ? {}
      : Object.fromEntries(keys.map((key, piece) => [key, trained.parameters[piece] ?? {}]));
  return { configuration, parameters, pieces: trained.pieces };
}

const json = (value: unknown): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`);

/** What pyvene's `IntervenableModel.load`, and so pyreft's, reads. */
function pyveneFiles(
  trained: Trained,
  width: number,
  model: FinetuneResult['model'],
): ReadonlyMap<string, Uint8Array> {
  const configuration = configurationOf(trained);
  const keys = interventionKeys(configuration);
  const isVector = trained.adapter.type === 'SteeringVector';
  const interventions = configuration.representations.map((representation, piece) => {
    const parameters = trained.parameters[piece] ?? {};
    const { vector } = parameters;
    return {
      representation,
      key: keys[piece] ?? '',
      intervention: {
        type: typesOf[trained.adapter.type],
        width,
        parameters: isVector ? {} : parameters,
      },
      constant: isVector ? vector : undefined,
    };
  });
  return writePyveneFolder(toPyveneFolder({ mode: configuration.mode, interventions }, model));
}

/**
 * The states of pyreft's NoReFT. Its constructor asks for `add_bias`, which no folder says, so `load` cannot make one: build
 * the model with `add_bias=False` and give each intervention its file by `load_state_dict`.
 */
function noreftFiles({ pieces, parameters }: Trained): ReadonlyMap<string, Uint8Array> {
  const keys = {
    projection: 'proj_layer.weight',
    weight: 'learned_source.weight',
    bias: 'learned_source.bias',
  };
  return new Map(
    pieces.map(({ layer, group }, piece) => {
      const state = Object.entries(keys).flatMap(([name, key]) => {
        const tensor = parameters[piece]?.[name];
        return tensor ? [[key, floatTensor(tensor.data, tensor.shape)] as const] : [];
      });
      // Buffers of every intervention of pyvene's, which `load_state_dict` misses otherwise.
      const width = wholeTensor([parameters[piece]?.projection?.shape[1] ?? 0], []);
      state.push(['embed_dim', width], ['interchange_dim', width]);
      return [`noreft_layer_${layer}_${group}.bin`, writeTorchFile(Object.fromEntries(state))];
    }),
  );
}

/** [rows, columns] as [columns, rows] */
function turned({ data, shape }: Parameters[string]): Parameters[string] {
  const [rows = 0, columns = 0] = shape;
  return {
    data: Float32Array.from(data, (_, at) => data[(at % rows) * columns + Math.floor(at / rows)] ?? 0),
    shape: [columns, rows],
  };
}

/** What PEFT reads; nothing where LoRA stands beside more than one linear layer, or acts at some positions alone. */
function peftFiles(
  { adapter, pieces, parameters }: Trained,
  { model, experiment }: FinetuneResult,
): ReadonlyMap<string, Uint8Array> {
  const place = modulePlace(model.modelType, adapter.component);
  const isLinear = /^(query|key|value|qkv)_output$/.test(adapter.component);
  if (!support.peft.models(model.modelType)) return new Map();
  if (adapter.type !== 'LoRA' || adapter.positions !== 'all' || !place || place.fused || !isLinear)
    return new Map();
  const module = place.path.replace(/\.output$/, '');
  const tensors = pieces.flatMap(({ layer }, piece) => {
    const path = `base_model.model.${module.replace('[{layer}]', `.${layer}`)}`;
    const { lora_A: a, lora_B: b } = parameters[piece] ?? {};
    return a && b
      ? [[`${path}.lora_A.weight`, turned(a)] as const, [`${path}.lora_B.weight`, turned(b)] as const]
      : [];
  });
  const configuration = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: experiment.model,
    r: adapter.rank,
    lora_alpha: adapter.alpha ?? adapter.rank,
    lora_dropout: 0,
    bias: 'none',
    // GPT-2's linear layers are transposed in transformers.
    fan_in_fan_out: model.modelType === 'gpt2',
    target_modules: [module.slice(module.lastIndexOf('.') + 1)],
    layers_to_transform: pieces.map(({ layer }) => layer),
    inference_mode: true,
  };
  return new Map([
    ['adapter_config.json', json(configuration)],
    ['adapter_model.safetensors', safetensorsBytes(new Map(tensors))],
  ]);
}

/**
 * The files of an adapter's folder, by name: `numbers.safetensors` with all that was trained, and what other tools read.
 * @throws ExperimentError as `trainedAdapter` does
 */
export function adapterFiles(result: FinetuneResult, index: number): ReadonlyMap<string, Uint8Array> {
  const trained = trainedOf(result, index);
  const { adapter, pieces, parameters } = trained;
  const all = parameters.flatMap((own, piece) =>
    Object.entries(own).map(([name, tensor]) => {
      const { layer, group } = pieces[piece] ?? { layer: 0, group: 'all' };
      return [`layer_${layer}.${group}.${name}`, tensor] as const;
    }),
  );
  const refused = readsBeside(result)
    ? `This ${result.model.modelType} model reads more than a text, and no folders for pyvene, pyreft or PEFT are written of its adapters. The numbers are in numbers.safetensors.`
    : undefined;
  const others = (): ReadonlyMap<string, Uint8Array> => {
    if (refused !== undefined) return new Map();
    switch (adapter.type) {
      case 'LoRA':
        return peftFiles(trained, result);
      case 'NoReFT':
        return noreftFiles(trained);
      default:
        return pyveneFiles(
          trained,
          parameters[0]?.vector?.data.length ?? parameters[0]?.rotation?.shape[0] ?? 0,
          result.model,
        );
    }
  };
  return new Map([
    ['numbers.safetensors', safetensorsBytes(new Map(all))],
    [
      'adapter.json',
      json({ model: result.model.label, adapter, pieces, ...(refused === undefined ? {} : { refused }) }),
    ],
    ...others(),
  ]);
}
