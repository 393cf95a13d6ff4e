// Prompts and labels of examples that something is trained with, definite for one model: of a text, of a source with what was
// written of its answer, of a picture or a sound; and labels as tokens, or as a class.

import type { Architecture } from '../architectures/architecture.ts';
import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import { PlanError } from '../runtime/plan/plan.ts';
import { schedule } from '../runtime/plan/schedule.ts';
import { type AnswerTokens, answerTokens } from './answers.ts';
import type { ExampleInputs } from './exampleInputs.ts';
import { ExperimentError } from './experimentFile.ts';
import { type GivenPrompt, partsOfGiven } from './givenPrompt.ts';
import { labelNamed } from './labels.ts';
import { runRow } from './planRuns.ts';
import { type ResolvedPrompt, resolvedPrompt } from './resolvedPrompt.ts';
import { checkPartsAt, type WholePrompt, wholePrompt } from './wholePrompt.ts';

export interface ReadingContext {
  readonly architecture: Architecture;
  readonly tokenizer: Tokenizer | undefined;
  /** The pictures and sounds of prompts; default none. */
  readonly inputs?: ExampleInputs | undefined;
}

export interface ReadPrompt {
  readonly prompt: ResolvedPrompt;
  /** What a label continues: the prompt, or what a decoder has written. */
  readonly written: WholePrompt['written'];
}

/** @throws PlanError that names the place in the file */
export function checkFits(architecture: Architecture, prompt: ResolvedPrompt, where: string): void {
  try {
    // The scheduler knows what prompts a model can take.
    schedule(architecture, { rows: [runRow(prompt)], reads: [] });
  } catch (cause) {
    if (cause instanceof PlanError) throw new PlanError(`'${where}': ${cause.message}`, { cause });
    throw cause;
  }
}

/**
 * @param where its place in the file, for messages: `data.0.base`
 * @throws ExperimentError or PlanError for a part that the model does not read, or one that it lacks, a text without tokens, a
 *                         prompt that is too long, and one without a mask where the model fills such
 */
export function readPrompt(
  { architecture, tokenizer, inputs }: ReadingContext,
  given: GivenPrompt,
  where: string,
): ReadPrompt {
  const parts = partsOfGiven(given);
  checkPartsAt(architecture, parts, where);
  const data = inputs?.(parts)?.data;
  const whole = wholePrompt(architecture, tokenizer, parts, data, `the prompt '${where}'`);
  const prompt = resolvedPrompt(whole);
  checkFits(architecture, prompt, where);
  return { prompt, written: whole.written };
}

/**
 * The label of an example: tokens that go on behind its prompt or fill its mask, or a classifier's class.
 * @param where its place in the file, for messages: `the label 'data.0.label'`
 * @param after the prompt that it is an answer to
 * @throws ExperimentError as `answerTokens` and `labelNamed` do
 */
export function readLabelTokens(
  { architecture, tokenizer }: ReadingContext,
  name: string | number | readonly number[],
  where: string,
  after: WholePrompt['written'],
): AnswerTokens {
  const { vocabularySize, isCausal, labels } = architecture;
  if (!labels) return answerTokens(name, where, { tokenizer, vocabularySize, after, isCausal });
  const [first, ...others] = typeof name === 'object' ? name : [name];
  if (first === undefined || others.length > 0)
    throw new ExperimentError(
      `${where[0]?.toUpperCase()}${where.slice(1)} is a list of ${others.length + 1} ids, and this model says one class. Give its name or its number.`,
    );
  const { id, text } = labelNamed(first, where, labels);
  return { ids: [id], text };
}
