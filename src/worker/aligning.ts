// What the Align page asks of the model beside its runs: what a task is under the model's tokens, what the model makes of it
// by itself, and what was learned at a site.

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

/** @throws ExperimentError or PlanError in a sentence that names the field */
export async function alignTask(
  request: AlignTaskRequest,
  { signal }: CallOptions,
  { model, tokenizer }: ModelInUse,
): Promise<AlignTask> {
  return describeTask(
    await resolveTask(model.architecture, tokenizer, request, { signal }),
    request,
    tokenizer,
  );
}

/** @throws ExperimentError or PlanError in a sentence that names the field */
export async function alignOwnAnswers(
  request: AlignTaskRequest,
  { signal }: CallOptions,
  { model, tokenizer }: ModelInUse,
): Promise<OwnAnswers> {
  const align = await resolveTask(model.architecture, tokenizer, request, { signal });
  return ownAnswers(model, align, tokenizer, signal ? { signal } : {});
}

/** @throws ExperimentError or PlanError for a task that does not fit the model, or directions of another width */
export const alignLearned = (
  request: LearnedRequest,
  { signal }: CallOptions,
  { model, tokenizer }: ModelInUse,
): Promise<LearnedSite> => readLearned(model, tokenizer, request, signal);
