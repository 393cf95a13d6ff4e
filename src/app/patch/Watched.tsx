// What is watched: the token that the source is followed by, against the one that the base is.

import { useEffect, useState } from 'react';
import type { TokenInfo } from '../../worker/protocol.ts';
import { TokenPicker } from '../prompt/TokenPicker.tsx';
import { TokenText } from '../prompt/TokenText.tsx';
import { useBench, useBenchState, useDocument, usePatchDraft } from './benchContext.tsx';

/** A text that was picked and is several tokens: which of them is watched must be seen. */
function Pieces({ name, picked }: { readonly name: string; readonly picked: string | number | null }) {
  const { engine } = useBench();
  const model = useBenchState((state) => state.model);
  const { base } = useDocument();
  const [pieces, setPieces] = useState<readonly TokenInfo[]>([]);
  useEffect(() => {
    setPieces([]);
    if (typeof picked !== 'string' || model === null) return;
    let isWanted = true;
    void Promise.all([base, `${base}${picked}`, picked].map((text) => engine.tokenize(text))).then(
      ([before = [], together = [], alone = []]) => {
        // As the answer is found: what follows the prompt, or the text by itself where the prompt's own tokens change.
        const follows = before.every(({ id }, index) => together[index]?.id === id);
        const own = follows ? together.slice(before.length) : alone;
        if (isWanted) setPieces(own.filter(({ isSpecial }) => !isSpecial));
      },
      // What the tokenizer refuses, the effect and the estimate say in their own sentence.
      () => setPieces([]),
    );
    return () => {
      isWanted = false;
    };
  }, [picked, base, model, engine]);
  if (pieces.length < 2) return null;
  return (
    <p className="small pair-pieces" role="status">
      {name} is {pieces.length} tokens, and the first is watched:{' '}
      {pieces.map(({ text }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a token is its place
        <span key={index} className="chip mono" data-different={index === 0}>
          <TokenText text={text} />
        </span>
      ))}
    </p>
  );
}

export function Watched() {
  const { page } = useBench();
  const document = useDocument();
  const { answer, distractor } = usePatchDraft();
  // What follows a target is not known by its text; of several tokens the effect says so.
  const readsMore = useBenchState((state) => state.model?.reads !== undefined);
  const [base, first] = useBenchState((state) => state.readings);
  const candidates = first?.prediction?.candidates ?? base?.prediction?.candidates ?? [];
  const others = base?.prediction?.candidates ?? [];
  const nameOf = (id: number) => [...candidates, ...others].find((each) => each.id === id)?.text ?? null;
  const swap = () =>
    page.edit((own) => ({
      ...own,
      answer: own.distractor ?? distractor?.text ?? null,
      distractor: own.answer ?? answer?.text ?? null,
    }));
  return (
    <div className="pair-watched">
      <TokenPicker
        label="Answer"
        picked={document.answer}
        none="what the source says"
        noneToken={document.answer === null ? (answer?.text ?? null) : null}
        candidates={candidates}
        nameOf={nameOf}
        onPick={(token) => page.edit((own) => ({ ...own, answer: token }))}
      />
      <TokenPicker
        label="Against"
        picked={document.distractor}
        none="what the base says"
        noneToken={document.distractor === null ? (distractor?.text ?? null) : null}
        candidates={others}
        nameOf={nameOf}
        onPick={(token) => page.edit((own) => ({ ...own, distractor: token }))}
      />
      <button
        type="button"
        className="button"
        aria-label="Exchange answer and what it is against"
        onClick={swap}
      >
        Exchange
      </button>
      {!readsMore && (
        <>
          <Pieces name="The answer" picked={document.answer} />
          <Pieces name="What it is against" picked={document.distractor} />
        </>
      )}
    </div>
  );
}
