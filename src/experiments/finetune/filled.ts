// What fills the mask of any prompt, by the model itself and with a trained adapter that acts where it was trained to.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { Model } from '../../runtime/model.ts';
import { floatsOf, promptRow, readLogits } from '../planRuns.ts';
import { finiteLogits, topCandidates } from '../predict.ts';
import { tokensOf } from '../tokens.ts';
import { watchedPosition } from '../watched.ts';
import { type TrainedText, trainedEdits } from './spoken.ts';

export interface FillRequest {
  readonly prompt: string;
  readonly adapter: TrainedText;
}

/** The most probable token at the mask. */
export interface FilledToken {
  readonly id: number;
  readonly text: string;
  /** In [0, 1]. */
  readonly probability: number;
}

export interface FilledTwice {
  readonly before: FilledToken;
  readonly after: FilledToken;
}

/** @throws ExperimentError for a prompt without a mask, or an adapter of another model; NotFiniteError; the signal's reason */
export async function filledTwice(
  model: Model,
  tokenizer: Tokenizer,
  { prompt, adapter }: FillRequest,
  signal?: AbortSignal,
): Promise<FilledTwice> {
  const { architecture } = model;
  const tokens = tokensOf(prompt, tokenizer, 'the prompt');
  const watched = watchedPosition(architecture, tokens, tokenizer);
  const edits = trainedEdits(architecture, adapter, { length: tokens.length, watched });
  const rows = [promptRow(tokens), { ...promptRow(tokens), edits }];
  const reads = rows.map((_, row) => readLogits(row, watched));
  const results = await model.run({ rows, reads }, signal ? { signal } : {});
  const [before, after] = results.map((result): FilledToken => {
    const [best] = topCandidates(finiteLogits(model, floatsOf(result)), 1);
    if (!best) throw new Error('A vocabulary has tokens.');
    return { id: best.id, text: tokenizer.tokenText(best.id), probability: best.probability };
  });
  if (!before || !after) throw new Error('Two rows were read.');
  return { before, after };
}
