// From a checkpoint to its architecture: the only place that knows all families, and that checks the tensors against them.

import type { Checkpoint, ModelConfiguration } from '../checkpoint/checkpoint.ts';
import { nearestNames } from '../messages/nearest.ts';
import { listed } from '../messages/wording.ts';
import { type Architecture, allParts, UnsupportedModelError, type WeightSource } from './architecture.ts';
import { ConfigurationReader } from './configuration.ts';
import { bert, roberta } from './families/bert.ts';
import { blip } from './families/blip.ts';
import { bloom } from './families/bloom.ts';
import { cohere } from './families/cohere.ts';
import { distilBert } from './families/distilBert.ts';
import { esm } from './families/esm.ts';
import { falcon } from './families/falcon.ts';
import { gemma } from './families/gemma.ts';
import { gemma2, gemma3Text } from './families/gemma2.ts';
import { gpt2 } from './families/gpt2.ts';
import { gptBigCode } from './families/gptBigCode.ts';
import { gptJ } from './families/gptJ.ts';
import { gptNeo } from './families/gptNeo.ts';
import { gptNeox } from './families/gptNeox.ts';
import { granite } from './families/granite.ts';
import { llama } from './families/llama.ts';
import { mamba } from './families/mamba.ts';
import { mamba2 } from './families/mamba2.ts';
import { mixtral } from './families/mixtral.ts';
import { olmo2 } from './families/olmo2.ts';
import { opt } from './families/opt.ts';
import { phi } from './families/phi.ts';
import { phi3 } from './families/phi3.ts';
import { qwen3, qwen3Moe } from './families/qwen3.ts';
import { stablelm } from './families/stablelm.ts';
import { starcoder2 } from './families/starcoder2.ts';
import { t5 } from './families/t5.ts';
import { vit } from './families/vit.ts';
import { whisper } from './families/whisper.ts';
import { type FittedArchitecture, fitTensors } from './tensorNames.ts';

type Family = (read: ConfigurationReader, names: ReadonlySet<string>) => Architecture;

/** By `model_type` of the configuration. */
const families: Readonly<Record<string, Family>> = {
  gpt2,
  gpt_neox: gptNeox,
  llama,
  mistral: llama,
  qwen2: llama,
  qwen3,
  qwen3_moe: qwen3Moe,
  mixtral,
  gemma,
  gemma2,
  gemma3_text: gemma3Text,
  granite,
  cohere,
  olmo2,
  phi,
  phi3,
  stablelm,
  starcoder2,
  gptj: gptJ,
  gpt_neo: gptNeo,
  gpt_bigcode: gptBigCode,
  opt,
  bloom,
  falcon,
  mamba,
  mamba2,
  bert,
  roberta,
  distilbert: distilBert,
  esm,
  vit,
  blip,
  t5,
  whisper,
};

export const knownModelTypes: readonly string[] = Object.keys(families);

/** Every weight of an architecture, shared ones once for each use. */
export function weightSources(architecture: Architecture): readonly WeightSource[] {
  return allParts(architecture).flatMap((part) => Object.values(part.weights));
}

/** Families whose names do not show which of the known ones has their block, or most of it. */
const kin: Readonly<Record<string, string>> = {
  bart: 't5',
  biogpt: 'opt',
  codegen: 'gptj',
  cohere2: 'cohere',
  deit: 'vit',
  exaone: 'llama',
  gemma3: 'gemma3_text',
  glm: 'llama',
  gpt_oss: 'mistral',
  internlm3: 'llama',
  mbart: 't5',
  mpt: 'bloom',
  mt5: 't5',
  nemotron: 'starcoder2',
  olmo: 'llama',
  olmo3: 'olmo2',
  persimmon: 'stablelm',
  smollm3: 'llama',
  xglm: 'opt',
};

/** What stands under the name is not run as its kin: a block that is almost the same gives wrong numbers silently. */
function unknownModelType(modelType: string): string {
  const kindred = Object.hasOwn(kin, modelType)
    ? kin[modelType]
    : nearestNames(modelType, knownModelTypes)[0];
  const known =
    kindred === undefined
      ? `Known: ${listed(knownModelTypes)}.`
      : `The nearest known family is '${kindred}'.`;
  return `Model type '${modelType}' is not supported. ${known} An ONNX export of the model opens too: MODEL.onnx, on the command line.`;
}

/**
 * The architecture that a configuration describes.
 * @param names of the checkpoint's tensors: some families are saved with and without a prefix
 * @throws UnsupportedModelError for an unknown model type or an option that is not supported
 */
export function describeArchitecture(config: ModelConfiguration, names: ReadonlySet<string>): Architecture {
  const read = new ConfigurationReader(config);
  const family = Object.hasOwn(families, read.modelType) ? families[read.modelType] : undefined;
  if (!family) throw new UnsupportedModelError(unknownModelType(read.modelType));
  read.refuseUnless('is_causal', [true], 'use a model in which no position sees a later one.');
  read.refuseUnless('per_layer_config', [], 'use a model whose layers all have the same options.');
  read.refuseUnless('quantization_config', [], 'use the checkpoint that was not quantised, or a GGUF file.');
  return family(read, names);
}

function described(checkpoint: Checkpoint, changed: ModelConfiguration = {}): FittedArchitecture {
  const names = new Set(checkpoint.tensors.keys());
  return fitTensors(describeArchitecture({ ...checkpoint.config, ...changed }, names), checkpoint);
}

/**
 * The architecture of a checkpoint as its configuration has it, checked against its tensors.
 * @throws UnsupportedModelError as `describeArchitecture`, and for tensors that are missing, extra or misshapen
 */
export function architectureOf(checkpoint: Checkpoint): Architecture {
  return described(checkpoint).architecture;
}

/**
 * The architecture of a checkpoint as its weights have it: a file whose unembedding differs from the table of tokens has
 * one of its own, whatever the configuration says (Transformers 5 does so too).
 * @throws UnsupportedModelError as `architectureOf`; CheckpointError when the two cannot be read
 */
export async function architectureOfWeights(
  checkpoint: Checkpoint,
  signal?: AbortSignal,
): Promise<FittedArchitecture> {
  const fitted = described(checkpoint);
  const { tied } = fitted.architecture;
  if (!tied || !checkpoint.tensors.has(tied.head)) return fitted;
  if (await areEqual(checkpoint, tied.head, tied.table, signal)) return fitted;
  const { architecture, notices } = described(checkpoint, { tie_word_embeddings: false });
  const notice =
    `config.json of ${checkpoint.label} ties the unembedding to the embedding, and '${tied.head}' in the file differs from '${tied.table}'. ` +
    'The one in the file is used, as Transformers 5 does; earlier versions used the embedding.';
  return { architecture, notices: [notice, ...notices] };
}

/** Whether two tensors hold the same numbers in the same storage. */
async function areEqual(
  checkpoint: Checkpoint,
  a: string,
  b: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const [one, other] = [checkpoint.tensors.get(a), checkpoint.tensors.get(b)];
  if (one?.dtype !== other?.dtype || one?.sizeBytes !== other?.sizeBytes) return false;
  const [bytes, otherBytes] = [await checkpoint.read(a, signal), await checkpoint.read(b, signal)];
  return bytes.every((byte, index) => byte === otherBytes[index]);
}
