// Prompts to begin with on the rack, for models for which those of the examples are none: proteins, texts with a mask, sources
// of a translation, and places for pictures and sounds.

import type { ModelInfo } from '../../worker/protocol.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { emptyDocument, type PatchDocument } from './document.ts';

/** The base and the source of a pair that differ in what the answer hangs on. */
function textsFor({
  family,
  reads,
  mask,
}: Pick<ModelInfo, 'family' | 'reads' | 'mask'>): readonly [string, string] {
  if (hasTarget(reads ?? null) && !reads?.isAsked)
    return [
      'translate English to German: The boat is small.',
      'translate English to German: The house is small.',
    ];
  if (reads || mask === undefined) return ['', ''];
  const { text } = mask;
  // A protein of which one residue is hidden, and one of its neighbours is another.
  if (family === 'esm') return [`MKTAYIAKQR${text}SFVKSHFSRQ`, `MKTAYIAKQR${text}SFVWSHFSRQ`];
  return [`The capital of Italy is ${text}.`, `The capital of France is ${text}.`];
}

/** A document with prompts that a model can read; what beside them is a file stays to be chosen. */
export function documentFor(model: ModelInfo): PatchDocument {
  const [base, source] = textsFor(model);
  const first = model.components.find(({ name }) => /^[a-z]+\.block_output$/.test(name));
  return {
    ...emptyDocument,
    base,
    sources: [source],
    view: { ...emptyDocument.view, component: first?.name ?? emptyDocument.view.component },
  };
}

/**
 * Why a document's prompts are none for a model, as the beginning of an invitation; null where they are.
 * @param examples texts of the examples, which are for the embedded model
 */
export function whyNotFor(
  { base, beside }: Pick<PatchDocument, 'base' | 'beside'>,
  { label, reads, mask, isCausal }: ModelInfo,
  examples: readonly string[],
): string | null {
  if (reads)
    return beside.length === 0 && (base === '' || examples.includes(base))
      ? `${label} reads more than a text.`
      : null;
  if (isCausal || mask === undefined || base.includes(mask.text)) return null;
  return `${label} predicts what stands at ${mask.text}, and the base has none.`;
}
