// Examples of a finetuning under a model's tokens, one by one, while they are being typed: what each is, where adapters act
// in it, and why it cannot be taught. No model runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { InterventionError } from '../../interventions/interventionError.ts';
import { PlanError } from '../../runtime/plan/plan.ts';
import { ExperimentError } from '../experimentFile.ts';
import { forced } from '../teacherForcing.ts';
import { type NamedToken, tokenLabel } from '../tokens.ts';
import { requireText } from '../watched.ts';
import { editedPositions, type ResolvedAdapter, resolveAdapter } from './adapter.ts';
import type { FinetuneAdapter, FinetuneExample } from './experiment.ts';
import { resolveExample } from './resolve.ts';

export interface FinetuneExamplesRequest {
  readonly adapters: readonly FinetuneAdapter[];
  readonly examples: readonly FinetuneExample[];
}

export interface DescribedExample {
  readonly prompt: readonly NamedToken[];
  readonly continuation: readonly NamedToken[];
  /** Where it should stand in the prompt; null where it goes on behind it. */
  readonly mask: number | null;
  /** For each adapter the positions that it acts on, those of the continuation included; none for one that does not fit. */
  readonly acts: readonly (readonly number[])[];
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
 * @throws ExperimentError for a model that reads more than a text
 */
export function describeExamples(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  { adapters, examples }: FinetuneExamplesRequest,
): readonly DescribedExample[] {
  requireText(architecture);
  const resolved = adapters.map((adapter, index): ResolvedAdapter | null => {
    const found = answered(() => resolveAdapter(architecture, adapter, index));
    return 'value' in found ? found.value : null;
  });
  const context = { architecture, tokenizer, adapters: resolved.flatMap((adapter) => adapter ?? []) };
  const named = (id: number): NamedToken => ({ id, text: tokenLabel(id, tokenizer) });
  return examples.map((example, index): DescribedExample => {
    const found = answered(() => resolveExample(example, `data.${index}`, context));
    if ('refusal' in found)
      return { prompt: [], continuation: [], mask: null, acts: [], problem: found.refusal };
    const { prompt, label } = found.value;
    const { tokens, watched } = prompt;
    const acts = resolved.map((adapter) => {
      if (adapter === null) return [];
      const length = forced(prompt, label).tokens.length;
      const { first, last } = editedPositions(adapter, tokens.length, length, watched);
      return [...first, ...last];
    });
    const mask = architecture.isCausal ? null : watched;
    return { prompt: tokens.map(named), continuation: label.ids.map(named), mask, acts, problem: null };
  });
}
