// What is watched: the token that the source is followed by, against the one that the base is.

import { TokenPicker } from '../prompt/TokenPicker.tsx';
import { useBench, useBenchState, useDocument, usePatchDraft } from './benchContext.tsx';

export function Watched() {
  const { page } = useBench();
  const document = useDocument();
  const { answer, distractor } = usePatchDraft();
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
    </div>
  );
}
