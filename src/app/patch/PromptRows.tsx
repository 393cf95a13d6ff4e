// The prompts: sources above, the base below. What differs between base and source is marked; positions that a computer
// matched wrongly are matched by hand.

import { useState } from 'react';
import type { TokenInfo } from '../../worker/protocol.ts';
import { Examples } from '../experiment/Examples.tsx';
import { UndoButtons } from '../experiment/UndoButtons.tsx';
import { PairsForm } from '../prompt/PairsForm.tsx';
import { BeginForModel } from './BeginForModel.tsx';
import { useBench, useBenchState, useDocument, usePatchDraft } from './benchContext.tsx';
import { shownSource, swappedRuns, withoutSource, withPairs } from './document.ts';
import { differingPositions, differingSources } from './matching.ts';
import { PromptRow } from './PromptRow.tsx';
import { Watched } from './Watched.tsx';

const ids = (tokens: readonly TokenInfo[] | null | undefined) => (tokens ?? []).map(({ id }) => id);

/** Matching by hand: a position of the base, and then the one of the source that stands for it. */
function useHandMatching() {
  const { page } = useBench();
  const [chosen, setChosen] = useState<number | null>(null);
  const draft = usePatchDraft();
  const correct = (source: number) => {
    if (chosen === null) return;
    const isSame = draft.matching[chosen] === source;
    page.edit((document) => {
      const shown = shownSource(document);
      const corrections = document.sources.map((_, index) => document.corrections[index] ?? {});
      return {
        ...document,
        corrections: corrections.map((own, index) =>
          index === shown ? { ...own, [chosen]: isSame ? null : source } : own,
        ),
      };
    });
    setChosen(null);
  };
  return { chosen, setChosen, correct };
}

export function PromptRows() {
  const { page, hand } = useBench();
  const document = useDocument();
  const draft = usePatchDraft();
  const readings = useBenchState((state) => state.readings);
  const [isMatching, setIsMatching] = useState(false);
  const { chosen, setChosen, correct } = useHandMatching();
  const shown = shownSource(document);
  // A table has columns of text alone.
  const isMore = useBenchState((state) => state.model?.reads !== undefined);
  const base = readings[0];
  const first = readings[shown + 1];
  const hasBoth = (base?.tokens?.length ?? 0) > 0 && (first?.tokens?.length ?? 0) > 0;
  const baseDiffers = new Set(
    hasBoth ? differingPositions(ids(base?.tokens), ids(first?.tokens), draft.matching) : [],
  );
  const sourceDiffers = new Set(
    hasBoth ? differingSources(ids(base?.tokens), ids(first?.tokens), draft.matching) : [],
  );
  const nothing = new Set<number>();
  return (
    <section className="card pair-card" aria-labelledby="pair-title" data-document>
      <div className="card-head">
        <h2 id="pair-title">Prompts</h2>
        <div className="pair-tools">
          <button
            type="button"
            className="button"
            onClick={() => {
              page.edit(swappedRuns);
              hand.drop();
            }}
          >
            Swap
          </button>
          <button
            type="button"
            className="button"
            onClick={() => page.edit((own) => ({ ...own, sources: [...own.sources, ''] }))}
          >
            Add a source
          </button>
          <button
            type="button"
            className="button"
            aria-pressed={isMatching}
            aria-disabled={!hasBoth}
            title={
              hasBoth
                ? 'Say which position of the source stands for which of the base'
                : 'Both prompts are needed'
            }
            onClick={() => {
              if (hasBoth) setIsMatching(!isMatching);
              setChosen(null);
            }}
          >
            Match positions
          </button>
          {!isMore && (
            <PairsForm
              count={document.pairs?.length ?? 1}
              columns="A table with the columns clean (the source), corrupted (the base), answer, distractor; commas or tabs"
              onTake={(pairs) => page.edit((own) => withPairs(own, pairs))}
              onOnlyOne={() => page.edit((own) => ({ ...own, pairs: null }))}
            />
          )}
        </div>
        <UndoButtons />
        <Examples />
      </div>
      <BeginForModel />
      {document.sources.map((_, place) => (
        <PromptRow
          // biome-ignore lint/suspicious/noArrayIndexKey: a source is its number
          key={place}
          index={place + 1}
          label={document.sources.length === 1 ? 'Source' : `Source ${place + 1}`}
          different={place === shown ? sourceDiffers : nothing}
          onChip={isMatching && place === shown ? correct : undefined}
          chosen={chosen === null ? null : (draft.matching[chosen] ?? null)}
        >
          {document.sources.length > 1 && (
            <button
              type="button"
              className="button-plain small"
              aria-label={`Remove source ${place + 1}`}
              onClick={() => page.edit((own) => withoutSource(own, place))}
            >
              Remove
            </button>
          )}
        </PromptRow>
      ))}
      <PromptRow
        index={0}
        label="Base"
        different={baseDiffers}
        onChip={isMatching ? setChosen : undefined}
        chosen={chosen}
      />
      {isMatching && (
        <p className="mute small pair-hint" role="status">
          {chosen === null
            ? `Choose a position of the base, then the one of the source that stands for it.`
            : `Now choose the source’s position for ${chosen}; the one it has unmatches it.`}
        </p>
      )}
      <Watched />
    </section>
  );
}
