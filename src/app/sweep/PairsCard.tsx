// The pairs of a sweep: the one that is shown in its fields, and where there are several all of them as a table, in which one
// is chosen.

import { PairsForm } from '../prompt/PairsForm.tsx';
import { TokenText } from '../prompt/TokenText.tsx';
import { hasCorrupted, shownAt, withPairs } from './document.ts';
import { useProblems, useSweepDocument, useSweepPage } from './hooks.ts';
import { PairFields } from './PairFields.tsx';

/** What stands for a prompt or a token that a file gives by ids. */
const written = (text: string | number | readonly number[] | undefined): string =>
  typeof text === 'string' ? text : text === undefined ? '' : `ids ${[text].flat().join(' ')}`;

function PairsTable() {
  const page = useSweepPage();
  const document = useSweepDocument(page);
  const problems = useProblems();
  if (document === null) return null;
  const { pairs } = document.experiment;
  const hasSecond = hasCorrupted(document.experiment);
  const at = shownAt(document);
  const isWrong = (index: number) =>
    [...problems.keys()].some((field) => field.startsWith(`pairs.${index}.`));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-scroll pairs-scroll" aria-label="Pairs of prompts" tabIndex={0}>
      <table className="pairs-table small">
        <thead>
          <tr>
            <th scope="col">Pair</th>
            <th scope="col">Clean</th>
            {hasSecond && <th scope="col">Corrupted</th>}
            <th scope="col">Answer</th>
            <th scope="col">Distractor</th>
          </tr>
        </thead>
        <tbody>
          {pairs.map(({ clean, corrupted, answer, distractor }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a pair is its place in the table
            <tr key={index} data-shown={index === at}>
              <th scope="row">
                <button
                  type="button"
                  className="button-plain"
                  aria-pressed={index === at}
                  aria-label={`Show pair ${index + 1}${isWrong(index) ? ', something in it is to be put right' : ''}`}
                  data-wrong={isWrong(index)}
                  onClick={() => page.edit((own) => own && { ...own, at: index }, 'at')}
                >
                  {index + 1}
                </button>
              </th>
              <td>{written(clean)}</td>
              {hasSecond && <td>{written(corrupted)}</td>}
              <td className="mono">
                {answer === undefined ? (
                  <span className="mute">the model’s own</span>
                ) : (
                  <TokenText text={written(answer)} />
                )}
              </td>
              <td className="mono">{distractor !== undefined && <TokenText text={written(distractor)} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function PairsCard() {
  const page = useSweepPage();
  const document = useSweepDocument(page);
  if (document === null) return null;
  const { pairs } = document.experiment;
  const at = shownAt(document);
  const needsCorrupted = hasCorrupted(document.experiment);
  const isMany = pairs.length > 1;
  return (
    <>
      <div className="pair-tools">
        {isMany && (
          <span className="mute small">
            Pair {at + 1} of {pairs.length}
          </span>
        )}
        <PairsForm
          count={pairs.length}
          needsCorrupted={needsCorrupted}
          columns={`A table with the columns clean, ${needsCorrupted ? 'corrupted, ' : ''}answer, distractor; commas or tabs`}
          onTake={(taken) => page.edit((own) => own && withPairs(own, taken, 0))}
          onOnlyOne={() => page.edit((own) => own && withPairs(own, own.experiment.pairs.slice(0, 1), 0))}
        />
        <button
          type="button"
          className="button"
          onClick={() =>
            page.edit((own) => own && withPairs(own, [...own.experiment.pairs, { clean: '' }], pairs.length))
          }
        >
          Add a pair
        </button>
        {isMany && (
          <button
            type="button"
            className="button"
            onClick={() =>
              page.edit(
                (own) =>
                  own &&
                  withPairs(
                    own,
                    own.experiment.pairs.filter((_, index) => index !== at),
                    Math.max(0, at - 1),
                  ),
              )
            }
          >
            Remove this pair
          </button>
        )}
      </div>
      <PairFields />
      {isMany && <PairsTable />}
    </>
  );
}
