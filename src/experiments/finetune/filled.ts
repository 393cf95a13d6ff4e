// What fills the mask of any prompt, or what class a picture is of, by the model itself and with a trained adapter that acts
// where it was trained to.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { Model } from '../../runtime/model.ts';
import { type GivenPrompt, partsOfGiven } from '../givenPrompt.ts';
import { readInput } from '../inputData.ts';
import type { KindResolveOptions } from '../kind.ts';
import { wordsOf } from '../labels.ts';
import { floatsOf, readLogits, runRow } from '../planRuns.ts';
import { finiteLogits, topCandidates } from '../predict.ts';
import { wholePrompt } from '../wholePrompt.ts';
import { type TrainedText, trainedEdits } from './spoken.ts';

export interface FillRequest {
  readonly prompt: GivenPrompt;
  readonly adapter: TrainedText;
}

/** The most probable token at the mask, or class. */
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
  tokenizer: Tokenizer | undefined,
  { prompt, adapter }: FillRequest,
  { signal, preprocessor = async () => undefined }: Pick<KindResolveOptions, 'signal' | 'preprocessor'> = {},
): Promise<FilledTwice> {
  const { architecture } = model;
  const parts = partsOfGiven(prompt);
  const read = await readInput(architecture, parts, preprocessor);
  const whole = wholePrompt(architecture, tokenizer, parts, read?.data);
  const row = runRow(whole);
  const rows = [row, { ...row, edits: trainedEdits(architecture, adapter, whole) }];
  const reads = rows.map((_, at) => readLogits(at, whole.watched));
  const textOf = wordsOf(architecture, tokenizer) ?? String;
  const results = await model.run({ rows, reads }, signal ? { signal } : {});
  const [before, after] = results.map((result): FilledToken => {
    const [best] = topCandidates(finiteLogits(model, floatsOf(result)), 1);
    if (!best) throw new Error('A vocabulary has tokens.');
    return { id: best.id, text: textOf(best.id), probability: best.probability };
  });
  if (!before || !after) throw new Error('Two rows were read.');
  return { before, after };
}
