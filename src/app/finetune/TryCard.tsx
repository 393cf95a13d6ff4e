// Any prompt, and what the model goes on with: by itself, and with the finetuning.

import { useId, useState } from 'react';
import type { FinetuneResult } from '../../experiments/finetune/result.ts';
import { trainedText } from '../../experiments/finetune/spoken.ts';
import { type GivenPrompt, givenOf, partsOfGiven } from '../../experiments/givenPrompt.ts';
import type { ModelInfo, ModelReads } from '../../worker/protocol.ts';
import { type Beside, changedBeside, givenWith, promptProblems, promptWords } from '../prompt/beside.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { maskText } from '../prompt/mask.ts';
import { PromptFields } from '../prompt/PromptFields.tsx';
import { promptWord } from '../prompt/promptWord.ts';
import { formatPercent } from '../quantities.ts';
import type { SaidText, Tried } from './finetuneBench.ts';
import { useBench, useBenchState, useIsOfModel, useLooked, useOwn, useReads, useResult } from './hooks.ts';

const mostNewTokens = 200;

/** Where an adapter acts, in words. */
function actingWords({ experiment }: FinetuneResult, looked: number, model: ModelInfo | null): string {
  const adapter = experiment.adapters[looked];
  if (adapter?.positions === 'mask') return 'It acts at the mask.';
  const place = model?.components.find(({ name }) => name === adapter?.component)?.place;
  // What is read beside a text, or in its place, is read once, before anything is said.
  if (model?.reads?.isAlone) return 'It acts on what is made of the picture.';
  if (place !== undefined && place.stack !== 'main')
    return 'It acts on what an encoder makes of what it reads; what is said follows from that.';
  return adapter?.positions === 'all'
    ? 'It acts on every token of the prompt and of what is said.'
    : 'It acts on the prompt alone; what is said later follows from the states that it left there.';
}

interface Around {
  /** What was read and is not gone on from; null for nothing. */
  readonly read: string | null;
  readonly before: string;
  readonly behind: string;
}

/** What stands before and behind what is said. @param mask that is filled, and null where something goes on */
function aroundSaid(given: GivenPrompt, reads: ModelReads | null, mask: string | null): Around {
  const { prompt, target, image, sound } = partsOfGiven(given);
  const [text, written] = [prompt, target].map((each) => (typeof each === 'string' ? each : ''));
  const isSource = hasTarget(reads);
  const own = promptWords(givenOf({ prompt: isSource ? prompt : '', image, sound }));
  const before = (isSource ? written : text) ?? '';
  const at = mask === null ? -1 : before.indexOf(mask);
  const read = own === '' ? null : own;
  // What fills a mask stands in its place.
  return mask === null || at < 0
    ? { read, before, behind: '' }
    : { read, before: before.slice(0, at), behind: before.slice(at + mask.length) };
}

interface SaidPartProps {
  readonly title: string;
  readonly asked: Pick<Tried, 'prompt' | 'reads' | 'mask'>;
  readonly said: SaidText;
}

function SaidPart({ title, asked: { prompt, reads, mask }, said }: SaidPartProps) {
  const [first] = said.pieces;
  const { read, before, behind } = aroundSaid(prompt, reads, first === undefined ? null : mask);
  const isOneWord = mask !== null || reads?.isAlone;
  return (
    <section className="tune-tried" aria-label={title}>
      <h3 className="small mute">{title}</h3>
      {read !== null && <p className="tune-text-said mute small">{read}</p>}
      <p className="tune-text-said">
        <bdi className="mute">{before}</bdi>
        <b>
          <bdi>{said.text}</bdi>
        </b>
        {behind !== '' && <bdi className="mute">{behind}</bdi>}
      </p>
      {first !== undefined && (
        <p className="mute small">
          {isOneWord ? 'It' : 'Its first token'} has {formatPercent(first.probability)}.
        </p>
      )}
    </section>
  );
}

/** What is wrong with what is asked, by its parts. */
const askedProblems = (prompt: string, beside: Beside, reads: ModelReads | null) =>
  promptProblems(prompt, beside, reads, {
    name: 'What is asked',
    made: 'What is asked',
    isSingle: true,
  });

const promptLabels = { prompt: 'Prompt', question: 'Question', source: 'Source', text: 'Text' } as const;

function promptPlaceholder(reads: ModelReads | null, mask: string | null): string {
  if (mask !== null) return `A text with one ${mask}`;
  if (reads?.isAsked) return 'A question about the picture';
  if (reads?.kind === 'text') return 'The text that the model reads';
  return reads ? 'What has been written so far; it may be empty' : 'The Reichstag is in the city of';
}

const askWords = (reads: ModelReads | null, mask: string | null): string => {
  if (reads?.isAlone) return 'Name its class, with and without';
  return mask === null ? 'Answer, with and without' : `Fill ${mask}, with and without`;
};

function TryForm({ result }: { readonly result: FinetuneResult }) {
  const bench = useBench();
  const looked = useLooked(result);
  const last = useBenchState((state) => state.tried);
  const tried = last !== null && result.adapters.some((own) => own === last.of) ? last : null;
  const model = useOwn(({ world }) => world.model);
  const hasModel = model !== null;
  const isOfModel = useIsOfModel(result);
  const mask = useOwn(({ world }) => maskText(world.model));
  const reads = useReads();
  const [prompt, setPrompt] = useState('');
  const [beside, setBeside] = useState<Beside>({});
  const [count, setCount] = useState('6');
  const id = useId();
  const adapter = trainedText(result, looked);
  const name = result.names[looked] ?? '';
  const own = result.adapters[looked];
  const tokens = Number(count);
  const isOneWord = mask !== null || reads?.isAlone === true;
  const countProblem =
    isOneWord || (/^\d+$/.test(count.trim()) && tokens >= 1 && tokens <= mostNewTokens)
      ? null
      : `Give a whole number from 1 to ${mostNewTokens}.`;
  const problems = askedProblems(prompt, beside, reads);
  const why = !hasModel
    ? 'A model is needed for it.'
    : !isOfModel
      ? 'Load the model of this result to ask it.'
      : adapter === null
        ? 'The method has no numbers yet; train it for a while.'
        : ([...problems.values()][0] ?? countProblem);
  const isAsking = tried?.status === 'asking';
  return (
    <form
      className="tune-try"
      onSubmit={(event) => {
        event.preventDefault();
        if (why === null && adapter !== null && own)
          void bench.attempt(givenWith(prompt, beside), { name, of: own, adapter }, tokens);
      }}
    >
      <PromptFields
        prompt={prompt}
        beside={beside}
        reads={reads}
        problems={{ target: problems.get('target') }}
        onChange={(change) => setBeside((before) => changedBeside(before, change))}
      >
        <div className="field">
          <label htmlFor={`${id}-prompt`}>{promptLabels[promptWord(reads)]}</label>
          <textarea
            id={`${id}-prompt`}
            className="prompt-text mono"
            rows={2}
            spellCheck={false}
            placeholder={promptPlaceholder(reads, mask)}
            value={prompt}
            onChange={({ target }) => setPrompt(target.value)}
          />
        </div>
      </PromptFields>
      {!isOneWord && (
        <div className="field">
          <label htmlFor={`${id}-count`}>New tokens</label>
          <input
            id={`${id}-count`}
            className="field-number"
            inputMode="numeric"
            autoComplete="off"
            aria-invalid={countProblem !== null}
            aria-describedby={countProblem === null ? undefined : `${id}-count-problem`}
            value={count}
            onChange={({ target }) => setCount(target.value)}
          />
          {countProblem !== null && (
            <span id={`${id}-count-problem`} className="field-problem">
              {countProblem}
            </span>
          )}
        </div>
      )}
      <div className="run-line">
        <button
          type="submit"
          className="button"
          aria-disabled={why !== null}
          aria-describedby={why === null ? undefined : `${id}-why`}
        >
          {askWords(reads, mask)}
        </button>
        {isAsking && (
          <button type="button" className="button" onClick={() => bench.stopAttempt()}>
            Stop
          </button>
        )}
        {why !== null && (
          <span id={`${id}-why`} className="run-note">
            {why}
          </span>
        )}
      </div>
      {tried !== null && (
        <div className="tune-tries" aria-busy={isAsking}>
          <SaidPart title="By itself" asked={tried} said={tried.before} />
          <SaidPart title={`With ${tried.name}`} asked={tried} said={tried.after} />
          <p className={tried.status === 'failed' ? 'run-problem' : 'mute small'} role="status">
            {tried.message ?? (isAsking ? 'The model answers.' : '')}
          </p>
        </div>
      )}
      <p className="mute small">
        {reads?.isAlone
          ? 'The most probable class.'
          : mask === null
            ? 'Greedy: always the most probable token.'
            : 'The most probable token.'}{' '}
        {actingWords(result, looked, model)}
      </p>
    </form>
  );
}

export function TryCard() {
  const result = useResult();
  return (
    <section className="card tune-ask" aria-labelledby="tune-ask-title">
      <div className="card-head">
        <h2 id="tune-ask-title">Ask it</h2>
      </div>
      {result === null ? (
        <p className="mute">Once a method is trained, any prompt can be answered with it and without it.</p>
      ) : (
        <TryForm result={result} />
      )}
    </section>
  );
}
