// One prompt: its text with the tokens as chips and the next token as a ghost, and what the model reads beside it.

import type { ReactNode } from 'react';
import type { ModelReads } from '../../worker/protocol.ts';
import { usePromptOf } from '../experiment/pageContext.tsx';
import { ComparedChips } from '../prompt/ComparedChips.tsx';
import { hasTarget } from '../prompt/hasTarget.ts';
import { maskProblem } from '../prompt/mask.ts';
import { PromptNotes } from '../prompt/PromptCard.tsx';
import { BesideFields } from './BesideFields.tsx';
import { useBench, useBenchState, useDocument } from './benchContext.tsx';
import { textAt } from './document.ts';

/** What belongs into the field of a prompt. */
function placeholderOf(index: number, reads: ModelReads | null): string {
  if (reads?.isAsked) return 'A question about the picture';
  if (reads && hasTarget(reads)) return 'The text that the encoder reads';
  if (reads) return 'What has been written so far; it may be empty';
  return index === 0 ? 'The prompt that is changed' : 'A prompt of the same form that ends otherwise';
}

interface RowProps {
  readonly index: number;
  readonly label: string;
  readonly different: ReadonlySet<number>;
  /** In matching: what a chip does, and which is chosen. */
  readonly onChip?: ((position: number) => void) | undefined;
  readonly chosen?: number | null;
  readonly children?: ReactNode;
}

export function PromptRow({ index, label, different, onChip, chosen, children }: RowProps) {
  const { page } = useBench();
  const text = useDocument();
  const value = textAt(text, index);
  const reads = useBenchState((state) => state.model?.reads ?? null);
  const message = useBenchState(({ model, readings }) => {
    const { message: said, tokens: own } = readings[index] ?? {};
    if (said !== undefined || model === null || model.reads || !own || own.length === 0) return said;
    return maskProblem(model, own) ?? undefined;
  });
  const tokens = useBenchState((state) => state.readings[index]?.tokens ?? null);
  const run = usePromptOf(index, (state) => state.run);
  const next = useBenchState((state) => state.readings[index]?.prediction?.candidates[0] ?? null);
  const change = (next: string) =>
    page.edit(
      (document) =>
        index === 0
          ? { ...document, base: next, pairs: null }
          : {
              ...document,
              sources: document.sources.map((source, place) => (place === index - 1 ? next : source)),
              corrections: document.corrections.map((own, place) => (place === index - 1 ? {} : own)),
              pairs: null,
            },
      `prompt ${index}`,
    );
  const id = `patch-prompt-${index}`;
  return (
    <div className="pair-row">
      <div className="pair-head">
        {reads?.isAlone ? <span>{label}</span> : <label htmlFor={id}>{label}</label>}
        {children}
      </div>
      <div className="pair-body">
        {!reads?.isAlone && (
          <textarea
            id={id}
            className="prompt-text pair-text mono"
            rows={1}
            dir="auto"
            spellCheck={false}
            value={value}
            placeholder={placeholderOf(index, reads)}
            onChange={(event) => change(event.target.value)}
          />
        )}
        {tokens !== null && tokens.length > 0 && !reads?.isAlone && (
          <ComparedChips
            label={label}
            tokens={tokens}
            different={different}
            next={reads && hasTarget(reads) ? null : next}
            onChip={onChip}
            chosen={chosen}
          />
        )}
        {reads ? (
          <BesideFields index={index} reads={reads} run={label.toLowerCase()} />
        ) : (
          <PromptNotes text={value} run={run} onChange={change} />
        )}
        {message !== undefined && (
          <p className="field-problem" role="status">
            {message}
          </p>
        )}
      </div>
    </div>
  );
}
