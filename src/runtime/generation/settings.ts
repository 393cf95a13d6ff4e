// With what a model generates: what a person gave, else what its generation_config.json says, else greedily; and which of
// the three each option comes from, so that it can be shown.

import type { GenerationFiles, ModelConfiguration } from '../../checkpoint/checkpoint.ts';
import { checkRanges, checkSampling, isFilter, type SamplingOptions } from './sampling/sampling.ts';

export type SettingOrigin = 'given' | 'generation_config.json' | 'default';

export interface GenerationSettings {
  readonly sampling: SamplingOptions;
  readonly eosIds: readonly number[];
  /** Of what is in force. */
  readonly origins: Readonly<Partial<Record<keyof SamplingOptions | 'eosIds', SettingOrigin>>>;
}

/** Options of transformers, by ours. `temperature` and what follows it count only where `do_sample` is true. */
const names = {
  repetitionPenalty: 'repetition_penalty',
  noRepeatNgramSize: 'no_repeat_ngram_size',
  temperature: 'temperature',
  topK: 'top_k',
  topP: 'top_p',
  minP: 'min_p',
  typicalP: 'typical_p',
} as const satisfies Partial<Record<keyof SamplingOptions, string>>;
const always: readonly string[] = ['repetitionPenalty', 'noRepeatNgramSize'];

function configured(config: ModelConfiguration): SamplingOptions {
  const samples = config.do_sample === true;
  const found = Object.entries(names).flatMap(([name, written]) => {
    const value = config[written];
    return typeof value === 'number' && (samples || always.includes(name)) ? [[name, value] as const] : [];
  });
  const sampling: SamplingOptions = Object.fromEntries(found);
  return samples ? { temperature: 1, ...sampling } : sampling;
}

function idsOf(value: unknown): readonly number[] | undefined {
  if (typeof value === 'number') return [value];
  return Array.isArray(value) && value.length > 0
    ? value.filter((id): id is number => typeof id === 'number')
    : undefined;
}

/**
 * Unlike transformers, sampling without `top_k` keeps all tokens, and not the fifty most probable.
 * @param config of the model
 * @param given  undefined entries are not given
 * @throws PlanError for an option that makes no sense, the file's included
 */
export function generationSettings(
  config: ModelConfiguration,
  files: GenerationFiles | undefined,
  given: SamplingOptions & { readonly eosIds?: readonly number[] } = {},
): GenerationSettings {
  const { eosIds, ...own } = given;
  const inFile = configured(files?.generationConfig ?? {});
  checkRanges(inFile);
  const { temperature = 0 } = { ...inFile, ...own };
  // The file's filters are for sampling; whoever asks for no temperature has not asked for them.
  const counting = Object.entries(inFile).filter(([name]) => temperature > 0 || !isFilter(name));
  const sampling: SamplingOptions = { ...Object.fromEntries(counting), ...own };
  checkSampling(sampling);
  const fromFile = idsOf(files?.generationConfig.eos_token_id);
  const origins = Object.fromEntries(
    Object.keys(sampling).map((name): [string, SettingOrigin] => [
      name,
      name in own ? 'given' : 'generation_config.json',
    ]),
  );
  return {
    sampling,
    eosIds: eosIds ?? fromFile ?? idsOf(config.eos_token_id) ?? [],
    origins: {
      ...origins,
      eosIds: eosIds ? 'given' : fromFile ? 'generation_config.json' : 'default',
    },
  };
}
