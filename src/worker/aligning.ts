// What the Align page asks of the model beside its runs: what a task is under the model's tokens, what the model makes of it
// by itself, and what was learned at a site.

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type LearnedRequest, type LearnedSite, readLearned } from '../experiments/align/learned.ts';
import {
  type AlignTask,
  type AlignTaskRequest,
  describeTask,
  type OwnAnswers,
  ownAnswers,
  resolveTask,
} from '../experiments/align/task.ts';
import type { CallOptions } from './protocol.ts';
import type { ModelInUse } from './steps.ts';

/** With the files that say how pictures and sounds become numbers. */
type ReadingModel = ModelInUse & { readonly checkpoint: Pick<Checkpoint, 'preprocessor'> };

const readingOf = ({ checkpoint }: ReadingModel, { signal }: CallOptions) => ({
  signal,
  preprocessor: async () => checkpoint.preprocessor?.(signal),
});

/** @throws ExperimentError or PlanError in a sentence that names the field */
export async function alignTask(
  request: AlignTaskRequest,
  options: CallOptions,
  inUse: ReadingModel,
): Promise<AlignTask> {
  const { model, tokenizer } = inUse;
  const { architecture } = model;
  const align = await resolveTask(architecture, tokenizer, request, readingOf(inUse, options));
  return describeTask(align, request, architecture, tokenizer);
}

/** @throws ExperimentError or PlanError in a sentence that names the field */
export async function alignOwnAnswers(
  request: AlignTaskRequest,
  options: CallOptions,
  inUse: ReadingModel,
): Promise<OwnAnswers> {
  const { model, tokenizer } = inUse;
  const { signal } = options;
  const align = await resolveTask(model.architecture, tokenizer, request, readingOf(inUse, options));
  return ownAnswers(model, align, tokenizer, signal ? { signal } : {});
}

/** @throws ExperimentError or PlanError for a task that does not fit the model, or directions of another width */
export const alignLearned = (
  request: LearnedRequest,
  options: CallOptions,
  inUse: ReadingModel,
): Promise<LearnedSite> => readLearned(inUse.model, inUse.tokenizer, request, readingOf(inUse, options));
