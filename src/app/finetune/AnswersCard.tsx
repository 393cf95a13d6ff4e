// The held-out prompts with what is said to each, without the finetuning and with it; what is wrong is marked.

import { useMemo, useState } from 'react';
import type { FinetuneResult } from '../../experiments/finetune/result.ts';
import { firstInView } from '../experiment/pageOfRows.ts';
import { RowPages } from '../experiment/RowPages.tsx';
import { TokenText } from '../prompt/TokenText.tsx';
import { formatCount } from '../quantities.ts';
import { answerRows, type Said } from './answers.ts';
import { useLooked, useResult } from './hooks.ts';

const shownAtOnce = 12;

function Tokens({ tokens }: { readonly tokens: readonly string[] }) {
  return (
    <span className="mono">
      {tokens.map((text, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a token is known by its place
        <TokenText key={at} text={text} />
      ))}
    </span>
  );
}

function SaidCell({ said }: { readonly said: Said | null }) {
  if (said === null) return <td className="mute">not yet</td>;
  return (
    <td data-right={said.isRight}>
      <span aria-hidden="true" className="tune-sign">
        {said.isRight ? '✓' : '✗'}
      </span>
      <span className="visually-hidden">{said.isRight ? 'right: ' : 'wrong: '}</span>
      <Tokens tokens={said.tokens} />
    </td>
  );
}

function Answers({ result }: { readonly result: FinetuneResult }) {
  const looked = useLooked(result);
  const rows = useMemo(() => answerRows(result, looked), [result, looked]);
  const [onlyWrong, setOnlyWrong] = useState(false);
  const [asked, setAsked] = useState(0);
  const name = result.names[looked] ?? '';
  const wrong = rows.filter(({ after }) => after !== null && !after.isRight);
  const shown = onlyWrong ? wrong : rows;
  const from = firstInView(asked, shown.length, shownAtOnce);
  const hasAfter = rows.some(({ after }) => after !== null);
  return (
    <>
      <p className="small">
        {hasAfter
          ? `${formatCount(rows.length - wrong.length)} of ${formatCount(rows.length)} are right with ${name}, ${formatCount(rows.filter(({ before }) => before.isRight).length)} without it.`
          : 'What is said after the training is known when the method has been trained.'}
      </p>
      <label className="check-line">
        <input
          type="checkbox"
          checked={onlyWrong}
          onChange={({ target }) => {
            setOnlyWrong(target.checked);
            setAsked(0);
          }}
        />
        Only those that are wrong afterwards
      </label>
      {shown.length === 0 ? (
        <p className="mute">There is none.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section className="table-scroll tune-answers" aria-label="Answers, table" tabIndex={0}>
          <table className="pairs-table small">
            <caption className="visually-hidden">What is said to prompts that were not taught</caption>
            <thead>
              <tr>
                <th scope="col">Prompt</th>
                <th scope="col">Should say</th>
                <th scope="col">Before</th>
                <th scope="col">After</th>
              </tr>
            </thead>
            <tbody>
              {shown.slice(from, from + shownAtOnce).map(({ prompt, continuation, before, after }, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a prompt may be there twice
                <tr key={from + at}>
                  <th scope="row">
                    <bdi>{prompt}</bdi>
                  </th>
                  <td>
                    <Tokens tokens={continuation} />
                  </td>
                  <SaidCell said={before} />
                  <SaidCell said={after} />
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <RowPages
        label="Rows of answers"
        count={shown.length}
        from={from}
        size={shownAtOnce}
        onFrom={setAsked}
      />
      <p className="mute small">
        Of a continuation of several tokens what is said is shown up to the first that is another.
      </p>
    </>
  );
}

export function AnswersCard() {
  const result = useResult();
  if (result === null) return null;
  return (
    <section className="card tune-said" aria-labelledby="tune-said-title">
      <div className="card-head">
        <h2 id="tune-said-title">What is said to held-out prompts</h2>
      </div>
      <Answers result={result} />
    </section>
  );
}
