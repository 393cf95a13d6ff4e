// How a model is asked for a label of one token or several: the prompt runs with the label's tokens behind it, and each of
// them is predicted by the logits before it. Where every one is the most probable, the model would say the label by itself.
// A model that fills masks is asked for one token, by the logits at the mask, and a classifier for one class: the prompt runs
// as it is.

import { topK } from '../onnx/reduction.ts';
import type { Model } from '../runtime/model.ts';
import type { Read, ReadResult, Reduction } from '../runtime/plan/plan.ts';
import type { AnswerTokens } from './answers.ts';
import { runRow } from './planRuns.ts';
import { goneOn, positionCount, type ResolvedPrompt } from './resolvedPrompt.ts';
import { partsTogether, type Work } from './rowParts.ts';
import { layersOfPrompt } from './stackLayers.ts';

/** The most probable token. */
export const bestToken: Reduction = {
  key: 'most probable token',
  build: (logits) => ({ id: topK(logits, 1).places }),
};

/** A prompt and how it may go on, or be filled, or what class it is. */
export interface Continued {
  readonly prompt: ResolvedPrompt;
  readonly label: AnswerTokens;
}

/** What is run so that every token of a label is predicted: the prompt, and the label without its last token. */
export const forced = (prompt: ResolvedPrompt, { ids }: AnswerTokens): ResolvedPrompt =>
  goneOn(prompt, ids.slice(0, -1));

/** Positions of what is run so. */
export const forcedCount = ({ prompt, label }: Continued): number =>
  positionCount(prompt) + label.ids.length - 1;

/** The positions whose logits predict the tokens of a label. */
export const labelPositions = ({ prompt, label }: Continued): readonly number[] =>
  label.ids.map((_, at) => prompt.watched + at);

export const continuedKey = ({ prompt, label }: Continued): string => `${label.ids.join(' ')}|${prompt.key}`;

/** The most probable token after each token of a row that predicts one of its label. */
export const readLabel = (row: number, asked: Continued): Read => ({
  row,
  site: { component: 'logits', layer: null },
  location: { positions: labelPositions(asked) },
  reduction: bestToken,
});

/** What `readLabel` read: the most probable token at each place. */
export const idsOf = (result: ReadResult | undefined): readonly number[] => [...(result?.id?.data ?? [])];

const isLabel = ({ ids }: AnswerTokens, said: readonly number[] = []): boolean =>
  ids.every((id, at) => said[at] === id);

/** Whether every token of a label was the most probable one. Where each before was, that is what the model would say. */
export const saysLabel = (label: AnswerTokens, result: ReadResult | undefined): boolean =>
  isLabel(label, idsOf(result));

/** Rows that predict the tokens of a label are one where they run the same tokens. */
export const forcedKey = ({ prompt, label }: Continued): string =>
  `${prompt.tokens.length} ${forced(prompt, label).key}`;

/**
 * The most probable token in the place of each token of a label, after the prompt and the label's tokens before it. Each
 * distinct row runs once.
 * @returns ids, as many as the label has, for each of `given`
 */
export async function continuationsOf(
  model: Model,
  given: readonly Continued[],
  { signal, done }: Work,
): Promise<readonly (readonly number[])[]> {
  const found = new Map<string, readonly number[]>();
  const keys = given.map(forcedKey);
  const once = [...new Map(given.map((each, at) => [keys[at] ?? '', each]))];
  const layers = layersOfPrompt(model.architecture);
  for (const part of partsTogether(once, ([, each]) => forcedCount(each))) {
    const rows = part.map(([, { prompt, label }]) => runRow(forced(prompt, label)));
    const reads = part.map(([, each], row) => readLabel(row, each));
    const results = await model.run({ rows, reads }, signal ? { signal } : {});
    part.forEach(([key], row) => {
      found.set(key, idsOf(results[row]));
    });
    done(part.length * layers);
  }
  return keys.map((key) => found.get(key) ?? []);
}

/** Whether the model goes on after prompts with all tokens of their labels: one for each of `given`. */
export async function continuesWith(
  model: Model,
  given: readonly Continued[],
  work: Work,
): Promise<readonly boolean[]> {
  const said = await continuationsOf(model, given, work);
  return given.map(({ label }, at) => isLabel(label, said[at]));
}
