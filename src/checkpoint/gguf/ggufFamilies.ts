// The families of models that GGUF files are read for, by `general.architecture`.

import { gemma, gemma2, gemma3 } from './families/gemma.ts';
import { bloom, falcon, gpt2, gptNeox, phi2, starcoder } from './families/gpt.ts';
import {
  commandR,
  granite,
  llama,
  olmo2,
  phi3,
  qwen2,
  qwen3,
  qwen3Moe,
  stablelm,
  starcoder2,
} from './families/llama.ts';
import { mamba, mamba2 } from './families/mamba.ts';
import { type GgufFamily, unknownFamily } from './ggufFamily.ts';
import type { GgufMetadata } from './ggufMetadata.ts';

const families: ReadonlyMap<string, GgufFamily> = new Map<string, GgufFamily>([
  ['llama', llama],
  ['qwen2', qwen2],
  ['qwen3', qwen3],
  ['qwen3moe', qwen3Moe],
  ['gemma', gemma],
  ['gemma2', gemma2],
  ['gemma3', gemma3],
  ['olmo2', olmo2],
  ['granite', granite],
  ['command-r', commandR],
  ['phi2', phi2],
  ['phi3', phi3],
  ['stablelm', stablelm],
  ['starcoder', starcoder],
  ['starcoder2', starcoder2],
  ['gpt2', gpt2],
  ['gptneox', gptNeox],
  ['bloom', bloom],
  ['falcon', falcon],
  ['mamba', mamba],
  ['mamba2', mamba2],
]);

/** @throws CheckpointError when the family is not known; the message lists the known ones */
export function familyOf(metadata: GgufMetadata): GgufFamily {
  const family = families.get(metadata.architecture);
  if (family) return family;
  throw unknownFamily(metadata, [...families.keys()]);
}
