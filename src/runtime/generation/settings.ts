// With what a model generates: what a person gave, else what its generation_config.json says, else greedily; and which of
// the three each option comes from, so that it can be shown.

import type { Architecture } from '../../architectures/architecture.ts';
import type { GenerationFiles, ModelConfiguration } from '../../checkpoint/checkpoint.ts';
import { listed } from '../../messages/wording.ts';
import { PlanError } from '../plan/plan.ts';
import { checkRanges, checkSampling, isFilter, type SamplingOptions } from './sampling/sampling.ts';

export type SettingOrigin = 'given' | 'generation_config.json' | 'default';

export interface GenerationSettings {
  readonly sampling: SamplingOptions;
  readonly eosIds: readonly number[];
  /** What the model's file asks for and nothing here does, in sentences. */
  readonly notices: readonly string[];
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

/** Other options of transformers that change which token follows, with the values at which they change nothing. */
const unheeded: Readonly<Record<string, readonly unknown[]>> = {
  num_beams: [1],
  num_beam_groups: [1],
  constraints: [],
  force_words_ids: [],
  penalty_alpha: [0],
  dola_layers: [],
  min_length: [0],
  min_new_tokens: [0],
  bad_words_ids: [],
  suppress_tokens: [],
  begin_suppress_tokens: [],
  sequence_bias: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  forced_decoder_ids: [],
  exponential_decay_length_penalty: [],
  encoder_repetition_penalty: [1],
  encoder_no_repeat_ngram_size: [0],
  guidance_scale: [1],
  watermarking_config: [],
  stop_strings: [],
};
const unheededInSampling: Readonly<Record<string, readonly unknown[]>> = {
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  top_h: [],
};

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);

/** A sentence about what the file asks for and nothing here does; none where that is nothing. */
function unheededNotices(config: ModelConfiguration, samples: boolean): readonly string[] {
  const found = Object.entries({ ...unheeded, ...(samples ? unheededInSampling : {}) }).flatMap(
    ([name, none]) => (isSet(config[name]) && !none.includes(config[name]) ? [`'${name}'`] : []),
  );
  if (found.length === 0) return [];
  return [
    `generation_config.json sets ${listed(found, found.length)}, which Patchbay does not do: transformers may write another text.`,
  ];
}

function refuseType(name: string, value: unknown, what: string, remedy: string): never {
  throw new PlanError(
    `generation_config.json: '${name}' is ${JSON.stringify(value)}; it must be ${what}. ${remedy}`,
  );
}

/** @throws PlanError for an option of another type, unless it is given */
function configured(config: ModelConfiguration, given: SamplingOptions): SamplingOptions {
  const { do_sample: samples = false } = config;
  if (samples !== null && typeof samples !== 'boolean')
    refuseType('do_sample', samples, 'true or false', 'Correct the file.');
  const found = Object.entries(names).flatMap(([name, written]) => {
    const value = config[written];
    if (name in given || !isSet(value)) return [];
    if (typeof value !== 'number')
      return refuseType(written, value, 'a number', `Correct the file, or give '${name}'.`);
    return samples || always.includes(name) ? [[name, value] as const] : [];
  });
  const sampling: SamplingOptions = Object.fromEntries(found);
  return samples ? { temperature: 1, ...sampling } : sampling;
}

const isId = (value: unknown): value is number => Number.isInteger(value);

/** @throws PlanError that names the file */
function idsOf(value: unknown, file: string): readonly number[] | undefined {
  if (!isSet(value)) return undefined;
  const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (ids.every(isId)) return ids;
  throw new PlanError(
    `${file}: 'eos_token_id' is ${JSON.stringify(value)}; it must be an id or a list of ids. Correct the file.`,
  );
}

/**
 * Unlike transformers, sampling without `top_k` keeps all tokens, and not the fifty most probable.
 * @param config of the model
 * @param given  undefined entries are not given
 * @throws PlanError for an option that makes no sense, and one of the file that is of another type and is not given
 */
export function generationSettings(
  config: ModelConfiguration,
  files: GenerationFiles | undefined,
  given: SamplingOptions & { readonly eosIds?: readonly number[] } = {},
): GenerationSettings {
  const { eosIds, ...own } = given;
  const fileConfig = files?.generationConfig ?? {};
  const inFile = configured(fileConfig, own);
  checkRanges(inFile);
  const { temperature = 0 } = { ...inFile, ...own };
  // The file's filters are for sampling; whoever asks for no temperature has not asked for them.
  const counting = Object.entries(inFile).filter(([name]) => temperature > 0 || !isFilter(name));
  const sampling: SamplingOptions = { ...Object.fromEntries(counting), ...own };
  checkSampling(sampling);
  const fromFile = eosIds ? undefined : idsOf(fileConfig.eos_token_id, 'generation_config.json');
  const origins = Object.fromEntries(
    Object.keys(sampling).map((name): [string, SettingOrigin] => [
      name,
      name in own ? 'given' : 'generation_config.json',
    ]),
  );
  return {
    sampling,
    eosIds: eosIds ?? fromFile ?? idsOf(config.eos_token_id, 'config.json') ?? [],
    notices: unheededNotices(fileConfig, temperature > 0),
    origins: {
      ...origins,
      eosIds: eosIds ? 'given' : fromFile ? 'generation_config.json' : 'default',
    },
  };
}

/** A text of some models ends by a token that their configuration calls otherwise, whatever its files say. */
export const endingOf = ({ encoder }: Architecture, settings: GenerationSettings): GenerationSettings =>
  encoder?.endToken === undefined || settings.origins.eosIds === 'given'
    ? settings
    : { ...settings, eosIds: [encoder.endToken], origins: { ...settings.origins, eosIds: 'default' } };
