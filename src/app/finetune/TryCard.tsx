// Any prompt, and what the model goes on with: by itself, and with the finetuning.

import { useId, useState } from 'react';
import type { FinetuneResult } from '../../experiments/finetune/result.ts';
import { trainedText } from '../../experiments/finetune/spoken.ts';
import { maskText } from '../prompt/mask.ts';
import { formatPercent } from '../quantities.ts';
import type { SaidText } from './finetuneBench.ts';
import { useBench, useBenchState, useIsOfModel, useLooked, useOwn, useResult } from './hooks.ts';

const mostNewTokens = 200;

/** Where an adapter acts, in words. */
function actingWords({ experiment }: FinetuneResult, looked: number): string {
  const positions = experiment.adapters[looked]?.positions;
  if (positions === 'mask') return 'It acts at the mask.';
  return positions === 'all'
    ? 'It acts on every token of the prompt and of what is said.'
    : 'It acts on the prompt alone; what is said later follows from the states that it left there.';
}

function SaidPart({
  title,
  prompt,
  said,
}: {
  readonly title: string;
  readonly prompt: string;
  readonly said: SaidText;
}) {
  const [first] = said.pieces;
  const mask = useOwn(({ world }) => maskText(world.model));
  const at = mask === null ? -1 : prompt.indexOf(mask);
  // What fills a mask stands in its place.
  const [before, behind] =
    mask === null || at < 0 || first === undefined
      ? [prompt, '']
      : [prompt.slice(0, at), prompt.slice(at + mask.length)];
  return (
    <section className="tune-tried" aria-label={title}>
      <h3 className="small mute">{title}</h3>
      <p className="tune-text-said">
        <bdi className="mute">{before}</bdi>
        <b>
          <bdi>{said.text}</bdi>
        </b>
        {behind !== '' && <bdi className="mute">{behind}</bdi>}
      </p>
      {first !== undefined && (
        <p className="mute small">
          {mask === null ? 'Its first token' : 'It'} has {formatPercent(first.probability)}.
        </p>
      )}
    </section>
  );
}

function TryForm({ result }: { readonly result: FinetuneResult }) {
  const bench = useBench();
  const looked = useLooked(result);
  const last = useBenchState((state) => state.tried);
  const tried = last !== null && result.adapters.some((own) => own === last.of) ? last : null;
  const hasModel = useOwn(({ world }) => world.model !== null);
  const isOfModel = useIsOfModel(result);
  const mask = useOwn(({ world }) => maskText(world.model));
  const [prompt, setPrompt] = useState('');
  const [count, setCount] = useState('6');
  const id = useId();
  const adapter = trainedText(result, looked);
  const name = result.names[looked] ?? '';
  const own = result.adapters[looked];
  const tokens = Number(count);
  const countProblem =
    mask !== null || (/^\d+$/.test(count.trim()) && tokens >= 1 && tokens <= mostNewTokens)
      ? null
      : `Give a whole number from 1 to ${mostNewTokens}.`;
  const why = !hasModel
    ? 'A model is needed for it.'
    : !isOfModel
      ? 'Load the model of this result to ask it.'
      : adapter === null
        ? 'The method has no numbers yet; train it for a while.'
        : prompt === ''
          ? 'Write a prompt.'
          : countProblem;
  const isAsking = tried?.status === 'asking';
  return (
    <form
      className="tune-try"
      onSubmit={(event) => {
        event.preventDefault();
        if (why === null && adapter !== null && own)
          void bench.attempt(prompt, { name, of: own, adapter }, tokens);
      }}
    >
      <div className="field">
        <label htmlFor={`${id}-prompt`}>Prompt</label>
        <textarea
          id={`${id}-prompt`}
          className="prompt-text mono"
          rows={2}
          spellCheck={false}
          placeholder={mask === null ? 'The Reichstag is in the city of' : `A text with one ${mask}`}
          value={prompt}
          onChange={({ target }) => setPrompt(target.value)}
        />
      </div>
      {mask === null && (
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
          {mask === null ? 'Answer, with and without' : `Fill ${mask}, with and without`}
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
          <SaidPart title="By itself" prompt={tried.prompt} said={tried.before} />
          <SaidPart title={`With ${tried.name}`} prompt={tried.prompt} said={tried.after} />
          <p className={tried.status === 'failed' ? 'run-problem' : 'mute small'} role="status">
            {tried.message ?? (isAsking ? 'The model answers.' : '')}
          </p>
        </div>
      )}
      <p className="mute small">
        {mask === null ? 'Greedy: always the most probable token.' : 'The most probable token.'}{' '}
        {actingWords(result, looked)}
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
