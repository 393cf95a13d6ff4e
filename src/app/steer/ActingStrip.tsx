// The prompt as tokens and the places of the new ones after it, with a row for each edit: at which of them it acts.

import { useMemo } from 'react';
import { messageOf } from '../../messages/wording.ts';
import type { TokenInfo } from '../../worker/protocol.ts';
import { TokenText } from '../prompt/TokenText.tsx';
import { type ActingRow, actingRows, fedBack, spokenRow } from './actingChips.ts';
import type { EditField } from './document.ts';

/** New tokens that are shown: what goes on the same after them needs no more. */
const mostShown = 12;

interface ActingStripProps {
  readonly edits: readonly EditField[];
  readonly tokens: readonly TokenInfo[];
  /** How many new tokens are asked for. */
  readonly newTokens: number;
}

type Rows =
  | { readonly rows: readonly ActingRow[]; readonly problem: null }
  | { readonly rows: null; readonly problem: string };

export function ActingStrip({ edits, tokens, newTokens }: ActingStripProps) {
  const shown = Math.min(newTokens, mostShown);
  const { rows, problem } = useMemo((): Rows => {
    try {
      return { rows: actingRows(edits, tokens, newTokens), problem: null };
    } catch (cause) {
      return { rows: null, problem: messageOf(cause) };
    }
  }, [edits, tokens, newTokens]);
  if (rows === null) return <p className="field-problem">{problem}</p>;
  if (rows.length === 0) return null;
  return (
    <div className="acting">
      {/* The same is said in sentences below. */}
      <div className="acting-scroll" aria-hidden="true">
        <table className="acting-table">
          <tbody>
            <tr>
              <th scope="row" className="mute small">
                Tokens
              </th>
              {tokens.map(({ text, isSpecial }, position) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a token is known by its position
                <td key={position} className="acting-token mono" data-special={isSpecial}>
                  <TokenText text={text} />
                </td>
              ))}
              {Array.from({ length: shown }, (_, step) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a step is known by its number
                <td key={step} className="acting-new mono">
                  {step + 1}
                </td>
              ))}
              {newTokens > shown && <td className="mute">…</td>}
            </tr>
            {rows.map((row) => (
              <tr key={row.id}>
                <th scope="row" className="small">
                  {row.name}
                </th>
                {row.prompt.map((acts, position) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above
                  <td key={position} className="acting-place" data-acts={acts} />
                ))}
                {fedBack(row, shown).map((acts, step) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above
                  <td key={step} className="acting-place" data-acts={acts} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ul className="visually-hidden" aria-label="Where the edits act">
        {rows.map((row) => (
          <li key={row.id}>{spokenRow(row)}</li>
        ))}
      </ul>
    </div>
  );
}
