// Runs an experiment of any kind on a loaded model: the same in Node and in the page that Node drives.

import { ChatTemplateError } from '../checkpoint/chat/chatTemplate.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Model } from '../runtime/model.ts';
import type {
  AnyExperiment,
  AnyResult,
  GenerationSupport,
  Growth,
  RenderChat,
  RunOptions,
  Update,
} from './kind.ts';
import { kindOf } from './registry.ts';
import { tokenizerOf } from './tokens.ts';

export interface ExperimentRunOptions extends RunOptions {
  /** Everything is read, and the work begins. */
  readonly onReady?: () => Promise<void>;
  /** Without it chats are refused. */
  readonly renderChat?: RenderChat;
}

const renderNone: RenderChat = () => {
  throw new ChatTemplateError('Chats cannot be written down here. Give the prompt as a text.');
};

/** What generating needs of a model's files, read when it is first asked for. */
export const generationOf =
  (checkpoint: Checkpoint, renderChat: RenderChat = renderNone, signal?: AbortSignal) =>
  async (): Promise<GenerationSupport> => ({
    config: checkpoint.config,
    files: await checkpoint.generationFiles?.(signal),
    renderChat,
  });

/**
 * A result that grows: after each step, whatever changed. What it holds can be read at any time, also after an error.
 * @throws ExperimentError when it does not fit the model, or the signal's reason
 */
export async function* growExperiment(
  model: Model,
  checkpoint: Checkpoint,
  experiment: AnyExperiment,
  { onReady, renderChat, ...options }: ExperimentRunOptions = {},
): AsyncGenerator<Growth<AnyResult, Update>, void> {
  const kind = await kindOf(experiment.kind);
  // What is text for a classifier names its classes.
  const hasText = kind.hasText(experiment) && !model.architecture.labels;
  const tokenizer = await tokenizerOf(checkpoint, hasText, options.signal);
  const ready = await kind.resolve(model.architecture, tokenizer, experiment, {
    ...(options.signal ? { signal: options.signal } : {}),
    generation: generationOf(checkpoint, renderChat, options.signal),
    preprocessor: async () => checkpoint.preprocessor?.(options.signal),
  });
  await onReady?.();
  const growth = kind.growth();
  for await (const update of ready.run(model, options)) {
    growth.take(update);
    yield growth;
  }
}

/** The result of an experiment that is run to its end. */
export async function completeExperiment(
  model: Model,
  checkpoint: Checkpoint,
  experiment: AnyExperiment,
  options: ExperimentRunOptions = {},
): Promise<AnyResult> {
  let growth: Growth<AnyResult, Update> | undefined;
  for await (growth of growExperiment(model, checkpoint, experiment, options));
  if (!growth?.result) throw new Error('An experiment ended without a result.');
  return growth.result;
}
