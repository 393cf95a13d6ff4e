// The prompts of the pair that is shown, each with its tokens, what differs between them marked; the answer that is watched
// and the one that it is compared with.

import { useEffect } from 'react';
import { useStore } from 'zustand';
import { inQuotes } from '../../experiments/figureWords.ts';
import type { Pair } from '../../experiments/pairs.ts';
import type { Candidate, ModelReads } from '../../worker/protocol.ts';
import { useAnyState } from '../experiment/pageContext.tsx';
import { promptFieldId } from '../frame/useShortcuts.ts';
import { differingPositions, differingSources, matchPositions } from '../patch/matching.ts';
import { ComparedChips } from '../prompt/ComparedChips.tsx';
import { PromptNotes } from '../prompt/PromptCard.tsx';
import { TokenPicker } from '../prompt/TokenPicker.tsx';
import { useWorkbench } from '../workbenchContext.tsx';
import { changedPair, hasCorrupted, shownAt } from './document.ts';
import { useProblems, useSweepDocument, useSweepPage, useTypeInto } from './hooks.ts';
import { PairBeside, useReads } from './PairBeside.tsx';
import { type SweepResult, tokensOfField } from './page.ts';

type PromptName = 'clean' | 'corrupted';

/** What the engine has said of a text; before there is a model, what the stored result says of the pair. */
function usePromptReading(at: number, name: PromptName, text: Pair['corrupted']) {
  const reading = useAnyState(({ world }) => world.readings.find((each) => each.text === text));
  const page = useSweepPage();
  const stored = useStore(page.store, ({ shown, key, world }): SweepResult | null =>
    shown !== null && world.model === null && shown.key === key ? shown.result : null,
  );
  return {
    tokens: reading?.tokens ?? tokensOfField(stored?.pairs[at], name) ?? null,
    prediction: reading?.prediction ?? null,
  };
}

interface PromptFieldProps {
  readonly name: PromptName;
  readonly label: string;
  readonly placeholder: string;
  readonly at: number;
  readonly text: Pair['corrupted'];
  readonly different: ReadonlySet<number>;
}

function PromptField({ name, label, placeholder, at, text, different }: PromptFieldProps) {
  const page = useSweepPage();
  const type = useTypeInto(page);
  const field = `pairs.${at}.${name}`;
  const problem = useProblems().get(field);
  const unfinished = useSweepDocument(page)?.unfinished[field]?.text;
  const { tokens, prediction } = usePromptReading(at, name, text);
  const model = useWorkbench().model;
  const most = useStore(model, (state) => state.info?.maxPositions ?? Number.POSITIVE_INFINITY);
  const id = name === 'clean' ? promptFieldId : `sweep-${name}`;
  // Where more than a text is read, an empty second prompt is the first one.
  const isSecond = useReads(undefined) !== null && name === 'corrupted';
  const change = (next: string) =>
    type(field, next, (experiment) =>
      changedPair(experiment, at, { [name]: isSecond && next === '' ? undefined : next }),
    );
  const ids = typeof text === 'object' ? text : null;
  const isTooLong = tokens !== null && tokens.length > most;
  return (
    <div className="pair-row">
      <div className="pair-head">
        <label htmlFor={id}>{label}</label>
      </div>
      <div className="pair-body">
        <textarea
          id={id}
          className="prompt-text pair-text mono"
          rows={1}
          dir="auto"
          spellCheck={false}
          value={unfinished ?? (typeof text === 'string' ? text : '')}
          placeholder={
            ids === null ? placeholder : `Tokens ${ids.join(' ')}; what you type takes their place`
          }
          aria-invalid={problem !== undefined}
          aria-describedby={problem === undefined ? undefined : `${id}-problem`}
          onChange={({ target }) => change(target.value)}
        />
        {tokens !== null && tokens.length > 0 && (
          <ComparedChips
            label={label}
            tokens={tokens}
            different={different}
            next={prediction?.candidates[0] ?? null}
          />
        )}
        {problem !== undefined && (
          <p id={`${id}-problem`} className="field-problem">
            {problem}
          </p>
        )}
        {typeof text === 'string' && (
          <PromptNotes
            text={text}
            run={isTooLong ? { status: 'tooLong', count: tokens.length, limit: most } : { status: 'idle' }}
            onChange={change}
          />
        )}
      </div>
    </div>
  );
}

/** A token whose text is not whole by itself can only be named by its id. */
const nameOfToken = ({ id, text }: Candidate): string | number => (text.includes('\ufffd') ? id : text);

/** Texts of tokens that a pair names by id. */
function useNameOf(pair: Pair | undefined, known: readonly { readonly id: number; readonly text: string }[]) {
  const { tokenNames } = useWorkbench();
  const names = useStore(tokenNames, (state) => state.names);
  const model = useStore(useWorkbench().model, (state) => state.info);
  const { answer, distractor } = pair ?? {};
  useEffect(() => {
    if (model === null) return;
    tokenNames.getState().need([answer, distractor].filter((each) => typeof each === 'number'));
  }, [tokenNames, model, answer, distractor]);
  return (id: number) => names.get(id)?.text ?? known.find((each) => each.id === id)?.text ?? null;
}

interface UnexpectedProps {
  readonly pair: Pair;
  readonly at: number;
  readonly best: Candidate | undefined;
  /** What the corrupted prompt is followed by. */
  readonly other: Candidate | undefined;
}

/** An answer that the model does not give, such as one that was named for another prompt, with the way to its own. */
function Unexpected({ pair, at, best, other }: UnexpectedProps) {
  const type = useTypeInto(useSweepPage());
  const answer = useAnyState(({ estimate, key }) =>
    estimate.status === 'known' && estimate.key === key ? (estimate.value.targets[at]?.answer ?? null) : null,
  );
  if (pair.answer === undefined || answer === null || best === undefined || answer.id === best.id)
    return null;
  const against = other !== undefined && other.id !== best.id ? other : undefined;
  return (
    <p className="note" role="status">
      After the clean prompt the model expects {inQuotes(best.text)}, not {inQuotes(answer.text)}.{' '}
      <button
        type="button"
        className="button-plain"
        onClick={() =>
          type(`pairs.${at}.answer`, best.text, (experiment) =>
            changedPair(experiment, at, {
              answer: nameOfToken(best),
              ...(pair.distractor === undefined || against === undefined
                ? {}
                : { distractor: nameOfToken(against) }),
            }),
          )
        }
      >
        Watch {inQuotes(best.text)}
        {pair.distractor !== undefined && against !== undefined && ` against ${inQuotes(against.text)}`}
      </button>
    </p>
  );
}

function Answers({ pair, at }: { readonly pair: Pair; readonly at: number }) {
  const type = useTypeInto(useSweepPage());
  const problems = useProblems();
  const clean = usePromptReading(at, 'clean', pair.clean);
  const corrupted = usePromptReading(at, 'corrupted', pair.corrupted);
  const page = useSweepPage();
  const stored = useStore(page.store, ({ shown, key }) => (shown?.key === key ? shown?.result : null));
  const target = stored?.pairs[at];
  const candidates = clean.prediction?.candidates ?? [];
  const others = corrupted.prediction?.candidates ?? candidates;
  const nameOf = useNameOf(pair, [
    ...candidates,
    ...others,
    ...(target ? [target.answer, ...(target.distractor ? [target.distractor] : [])] : []),
  ]);
  const pick = (name: 'answer' | 'distractor') => (token: string | number | null) =>
    type(`pairs.${at}.${name}`, String(token), (experiment) =>
      changedPair(experiment, at, { [name]: token ?? undefined }),
    );
  const own = candidates[0]?.text ?? (pair.answer === undefined ? target?.answer.text : undefined) ?? null;
  const shown = ['answer', 'distractor'].map((name) => problems.get(`pairs.${at}.${name}`));
  return (
    <>
      <span className="setting-pair">
        <TokenPicker
          label="Answer"
          picked={pair.answer ?? null}
          none="the model’s own"
          noneToken={own}
          candidates={candidates}
          nameOf={nameOf}
          onPick={pick('answer')}
        />
        <TokenPicker
          label="Distractor"
          picked={pair.distractor ?? null}
          none="none"
          noneToken={null}
          candidates={others}
          nameOf={nameOf}
          onPick={pick('distractor')}
        />
        <button
          type="button"
          className="button"
          aria-label="Exchange answer and distractor"
          aria-disabled={pair.answer === undefined || pair.distractor === undefined}
          title={
            pair.answer === undefined || pair.distractor === undefined
              ? 'Both must be named to be exchanged'
              : undefined
          }
          onClick={() => {
            const { answer, distractor } = pair;
            if (answer === undefined || distractor === undefined) return;
            type(`pairs.${at}.exchange`, '', (experiment) =>
              changedPair(experiment, at, { answer: distractor, distractor: answer }),
            );
          }}
        >
          Exchange
        </button>
      </span>
      <Unexpected pair={pair} at={at} best={candidates[0]} other={corrupted.prediction?.candidates[0]} />
      {shown.map(
        (problem) =>
          problem !== undefined && (
            <p key={problem} className="field-problem">
              {problem}
            </p>
          ),
      )}
    </>
  );
}

const placeholders = {
  text: 'What the encoder reads',
  image: 'What has been written so far; it may be empty',
  sound: 'What has been written so far; it may be empty',
} as const;

/** What the clean prompt is, of a model that reads this. */
function placeholderOf(reads: ModelReads | null): string {
  if (reads === null) return 'A prompt that ends just before the answer';
  return reads.isAsked ? 'A question about the picture' : placeholders[reads.kind];
}

const ids = (tokens: readonly { readonly id: number }[] | null) => (tokens ?? []).map(({ id }) => id);

export function PairFields() {
  const document = useSweepDocument(useSweepPage());
  const at = document === null ? 0 : shownAt(document);
  const pair = document?.experiment.pairs[at];
  const clean = usePromptReading(at, 'clean', pair?.clean).tokens;
  const corrupted = usePromptReading(at, 'corrupted', pair?.corrupted).tokens;
  const reads = useReads(pair);
  if (document === null || pair === undefined) return null;
  const hasBoth = clean !== null && corrupted !== null && clean.length > 0 && corrupted.length > 0;
  const [a, b] = [ids(clean), ids(corrupted)];
  const matching = hasBoth ? matchPositions(a, b) : [];
  const isWritten = [pair.clean, pair.corrupted ?? ''].some((text) => text.length > 0);
  const hasText = !reads?.isAlone || isWritten;
  const of = reads?.isAsked ? ' question' : reads?.kind === 'text' ? ' source' : '';
  return (
    <div className="sweep-pair">
      {hasText && (
        <PromptField
          name="clean"
          label={`Clean${of}`}
          placeholder={placeholderOf(reads)}
          at={at}
          text={pair.clean}
          different={new Set(hasBoth ? differingPositions(a, b, matching) : [])}
        />
      )}
      {hasText && hasCorrupted(document.experiment) && (
        <PromptField
          name="corrupted"
          label={`Corrupted${of}`}
          placeholder={
            reads === null ? 'A prompt of as many tokens that ends otherwise' : 'Empty is as the clean one'
          }
          at={at}
          text={pair.corrupted}
          different={new Set(hasBoth ? differingSources(a, b, matching) : [])}
        />
      )}
      <PairBeside pair={pair} at={at} />
      <Answers pair={pair} at={at} />
    </div>
  );
}
