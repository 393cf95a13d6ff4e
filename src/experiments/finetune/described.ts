// Examples of a finetuning under a model's tokens, one by one, while they are being typed: what each is, where adapters act
// in it, and why it cannot be taught. No model runs.

import { type Architecture, firstInput, type StackName } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { InterventionError } from '../../interventions/interventionError.ts';
import { PlanError } from '../../runtime/plan/plan.ts';
import { ExperimentError } from '../experimentFile.ts';
import { type NamedToken, tokenLabel } from '../tokens.ts';
import { fillsMasks } from '../watched.ts';
import { positionsIn, type ResolvedAdapter, resolveAdapter } from './adapter.ts';
import type { FinetuneAdapter, FinetuneExample } from './experiment.ts';
import { resolveExample } from './resolve.ts';

export interface FinetuneExamplesRequest {
  readonly adapters: readonly FinetuneAdapter[];
  readonly examples: readonly FinetuneExample[];
}

export interface DescribedExample {
  /** What the continuation follows: behind a decoder's first token what it has written; none where a picture alone is read. */
  readonly prompt: readonly NamedToken[];
  /** The text that an encoder reads, where it reads one. */
  readonly source?: readonly NamedToken[];
  readonly continuation: readonly NamedToken[];
  /** Where it should stand in the prompt; null where it goes on behind it. */
  readonly mask: number | null;
  /** For each adapter the positions that it acts on, those of the continuation included; none for one that does not fit. */
  readonly acts: readonly (readonly number[])[];
  /** For each adapter whose positions these are: of the prompt and its continuation (`main`), or of what is read before it. */
  readonly stacks: readonly StackName[];
  /** Why it cannot be taught; its tokens are then not known. */
  readonly problem: string | null;
}

/** What `work` gives, or the sentence that it was refused with. @throws what is no refusal */
function answered<T>(work: () => T): { readonly value: T } | { readonly refusal: string } {
  try {
    return { value: work() };
  } catch (cause) {
    const isRefusal =
      cause instanceof ExperimentError || cause instanceof PlanError || cause instanceof InterventionError;
    if (isRefusal) return { refusal: cause.message };
    throw cause;
  }
}

/**
 * @param tokenizer may be absent when the examples are token ids
 */
export function describeExamples(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  { adapters, examples }: FinetuneExamplesRequest,
): readonly DescribedExample[] {
  const resolved = adapters.map((adapter, index): ResolvedAdapter | null => {
    const found = answered(() => resolveAdapter(architecture, adapter, index));
    return 'value' in found ? found.value : null;
  });
  // Where something acts does not hang on what a picture shows.
  const shape = firstInput(architecture)?.shape ?? [];
  const blank = { data: new Float32Array(shape.reduce((product, size) => product * size, 1)), notices: [] };
  const context = {
    ...{ architecture, tokenizer, inputs: () => blank },
    adapters: resolved.flatMap((adapter) => adapter ?? []),
  };
  const stacks = resolved.map((adapter) => adapter?.fork.stack ?? 'main');
  const named = (id: number): NamedToken => ({ id, text: tokenLabel(id, tokenizer) });
  return examples.map((example, index): DescribedExample => {
    const found = answered(() => resolveExample(example, `data.${index}`, context));
    if ('refusal' in found)
      return { prompt: [], continuation: [], mask: null, acts: [], stacks, problem: found.refusal };
    const { prompt, label } = found.value;
    const { tokens, watched, input } = prompt;
    const acts = resolved.map((adapter) => {
      if (adapter === null) return [];
      const { first, last } = positionsIn(architecture, adapter, found.value);
      return [...first, ...last];
    });
    const mask = fillsMasks(architecture) ? watched : null;
    return {
      prompt: tokens.map(named),
      ...(input?.kind === 'text' ? { source: input.tokens.map(named) } : {}),
      continuation: architecture.labels
        ? label.ids.map((id) => ({ id, text: label.text }))
        : label.ids.map(named),
      ...{ mask, acts, stacks, problem: null },
    };
  });
}
