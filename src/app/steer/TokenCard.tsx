// What is known of the token that is pointed at: the ten best before and after, its probability under both, and the
// projections of the state that made it.

import type { SteerResult, SteerText } from '../../experiments/steer/result.ts';
import { TokenText } from '../prompt/TokenText.tsx';
import { formatPercent } from '../quantities.ts';
import { columnTitles } from './document.ts';
import { formatStrength } from './StrengthField.tsx';
import { spreadAt } from './shownTexts.ts';

type Candidates = SteerText['after'][number];

interface CandidatesProps {
  readonly title: string;
  readonly candidates: Candidates | undefined;
  readonly tokenTexts: SteerResult['tokenTexts'];
  /** The token that was said. */
  readonly said: number | undefined;
}

function CandidateColumn({ title, candidates, tokenTexts, said }: CandidatesProps) {
  if (candidates === undefined || candidates.length === 0) return null;
  return (
    <table className="next-table steer-candidates">
      <caption>{title}</caption>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Token</th>
          <th scope="col">Probability</th>
        </tr>
      </thead>
      <tbody>
        {candidates.map(([id, logProbability]) => (
          <tr key={id} data-said={id === said}>
            <th scope="row" className="mono">
              <TokenText text={tokenTexts[id] ?? `#${id}`} />
            </th>
            <td className="number">{formatPercent(Math.exp(logProbability))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface TokenCardProps {
  readonly result: SteerResult;
  readonly prompt: number;
  readonly text: SteerText;
  readonly step: number;
}

export function TokenCard({ result, prompt, text, step }: TokenCardProps) {
  const { tokenTexts, edits, prompts, experiment } = result;
  const id = text.tokens[step];
  const length = (text.column === 'asked' ? prompts[prompt]?.asked : prompts[prompt]?.tokens)?.length ?? 0;
  // The state that makes new token k stands one position before it.
  const position = length - 1 + step;
  const active = edits.filter(({ on }) => on);
  const number = (value: number | null | undefined, digits: number): string =>
    value === null || value === undefined ? 'not finite' : value.toFixed(digits).replace('-', '\u2212');
  const logProbability = text.logProbabilities[step];
  const divergence = text.divergences[step];
  return (
    <section className="steer-token" aria-label="The token that is pointed at">
      <p>
        <span className="mono steer-token-text">
          <TokenText text={tokenTexts[id ?? -1] ?? `#${id}`} />
        </span>{' '}
        <span className="mute">
          {columnTitles[text.column].toLowerCase()}, new token {step + 1}
        </span>
      </p>
      <dl className="steer-facts small">
        {logProbability !== undefined && logProbability !== null && (
          <div>
            <dt>Unsteered probability</dt>
            <dd>{formatPercent(Math.exp(logProbability))}</dd>
          </div>
        )}
        {text.column !== 'unsteered' && divergence !== undefined && (
          <div>
            <dt>KL from unsteered</dt>
            <dd>{number(divergence, 3)} nats</dd>
          </div>
        )}
        {active.map(({ name, vector, sites }, at) => {
          const value = text.projections[at]?.[position];
          if (value === undefined) return null;
          const spread = spreadAt(result.vectors, vector, sites.at(-1));
          return (
            <div key={name}>
              <dt>Projection on {name}</dt>
              <dd>
                {number(value, 2)}
                {value !== null && spread ? ` (${formatStrength(value / spread)} σ)` : ''}
              </dd>
            </div>
          );
        })}
      </dl>
      {experiment.candidates > 0 && (
        <div className="steer-candidates-pair">
          <CandidateColumn title="Before" candidates={text.before[step]} tokenTexts={tokenTexts} said={id} />
          <CandidateColumn title="After" candidates={text.after[step]} tokenTexts={tokenTexts} said={id} />
        </div>
      )}
    </section>
  );
}
