// The trace that the page would run now: its controls, its prompt and its model read together. Whatever is shown belongs
// to a draft of some moment; its key tells whether that is the draft of this one.

import type { TraceExperiment } from '../../experiments/trace/experiment.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { ModelInfo, TokenInfo } from '../../worker/protocol.ts';
import { isCurrent, type PromptState } from '../prompt/promptStore.ts';
import { experimentKey, type InputName, readTraceInputs, type TraceInputs } from './inputs.ts';

export interface Draft {
  /** Null while something is amiss. */
  readonly experiment: TraceExperiment | null;
  readonly key: string | null;
  readonly problems: ReadonlyMap<InputName, string>;
  /** Tokens of the prompt as it stands; null until they are known. */
  readonly tokens: readonly TokenInfo[] | null;
}

/** Tokens of the prompt: the model's, or before it is there those of a stored result of the same prompt. */
export function promptTokens(
  prompt: Pick<PromptState, 'text' | 'tokens'>,
  model: ModelInfo | null,
  stored: TraceResult | null,
): readonly TokenInfo[] | null {
  const { text, tokens } = prompt;
  if (tokens !== null && isCurrent(tokens, text, model)) return tokens.value;
  if (model === null && stored !== null && stored.experiment.prompt === text) {
    return stored.tokens.map((token) => ({ ...token, isSpecial: false }));
  }
  return null;
}

/** @param stored the result that is shown, which stands for its model while none is loaded */
export function draftOf(
  inputs: TraceInputs,
  prompt: Pick<PromptState, 'text' | 'tokens'>,
  model: ModelInfo | null,
  stored: TraceResult | null,
): Draft {
  const tokens = promptTokens(prompt, model, stored);
  const described = model ?? {
    label: stored?.experiment.model ?? '',
    maxPositions: Number.POSITIVE_INFINITY,
  };
  const read = readTraceInputs(inputs, prompt.text, tokens?.length ?? 0, described);
  if (!read.ok) return { experiment: null, key: null, problems: read.problems, tokens };
  if (tokens === null || inputs.subject === null || inputs.subject[1] > tokens.length) {
    return { experiment: null, key: null, problems: new Map(), tokens };
  }
  const { experiment } = read;
  return { experiment, key: experimentKey(experiment, inputs.subject), problems: new Map(), tokens };
}
