// What results of all kinds hold: on what they ran, tokens by id and text, and what a person should know.

import * as v from 'valibot';
import type { Model } from '../runtime/model.ts';
import { tokenId } from './experimentFile.ts';
import type { AnyResult } from './kind.ts';
import { metricOf, type Samples, statisticOf } from './metrics.ts';
import type { Notice } from './notice.ts';
import { precisionOf, precisionSchema } from './precision.ts';

export const namedSchema = v.strictObject({ id: tokenId, text: v.string() });

/** On which weights a result was computed. The fingerprint is of their contents, and old results have none. */
export const modelSchema = v.strictObject({
  label: v.string(),
  modelType: v.string(),
  parameterCount: v.number(),
  fingerprint: v.optional(v.string()),
});

/** Entries of every result, for the schema of a kind. */
export const resultEntries = {
  model: modelSchema,
  backend: v.strictObject({ kind: v.picklist(['webgpu', 'wasm', 'node']), description: v.string() }),
  precision: v.optional(precisionSchema),
  notices: v.array(v.strictObject({ code: v.string(), text: v.string() })),
};

/** On what a run runs. */
export function ranOn({
  label,
  architecture,
  parameterCount,
  fingerprint,
  backend,
  precision,
}: Model): Pick<AnyResult, 'model' | 'backend' | 'precision'> {
  return {
    model: {
      label,
      modelType: architecture.modelType,
      parameterCount,
      ...(fingerprint === undefined ? {} : { fingerprint }),
    },
    backend: { kind: backend.kind, description: backend.description },
    ...(precision === 'float16' ? { precision: { dtype: 'float16' } } : {}),
  };
}

/** Whether a result was computed with the weights of a model, so that it can be gone on with. */
export const isOfWeights = ({ model }: AnyResult, { fingerprint }: Model): boolean =>
  model.fingerprint === fingerprint;

/** Whether it was computed on such a backend in the same precision, as a result names one of each. */
export const isOfDevice = (
  result: AnyResult,
  { backend, precision }: Pick<Model, 'backend' | 'precision'>,
): boolean => result.backend.kind === backend.kind && precisionOf(result) === precision;

/** Below this share of the clean probability's fall, a corruption has hardly corrupted. */
const weakFall = 0.2;

/**
 * Of a corrupted run that predicts nearly what the clean one does.
 * @param words what corrupts, and what follows from its doing too little, with the remedy
 */
export function weakCorruptionNotices(
  clean: Samples,
  corrupted: Samples,
  words: { readonly subject: string; readonly consequence: string },
): readonly Notice[] {
  const high = statisticOf(metricOf(clean, 'probability')).mean;
  const low = statisticOf(metricOf(corrupted, 'probability')).mean;
  if (low < high * (1 - weakFall)) return [];
  const percent = (p: number) => `${(p * 100).toFixed(1)} %`;
  return [
    {
      code: 'weak-corruption',
      text: `${words.subject} hardly lowers the probability of the answer (${percent(high)} to ${percent(low)}), so ${words.consequence}`,
    },
  ];
}

/** Ids with the texts that stand on their chips. */
export const withTexts = (ids: readonly number[], texts: readonly string[] = []) =>
  ids.map((id, index) => ({ id, text: texts[index] ?? '' }));
