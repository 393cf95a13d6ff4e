// The tokens of one of two prompts as chips: what the other does not share is marked, and the next token stands behind them
// as a ghost. Where positions are matched by hand, a chip is a button.

import type { Candidate, TokenInfo } from '../../worker/protocol.ts';
import { formatRoundPercent } from '../quantities.ts';
import { TokenText } from './TokenText.tsx';
import { spokenToken } from './tokenText.ts';

interface ComparedChipsProps {
  /** Names the prompt: `Source`. */
  readonly label: string;
  readonly tokens: readonly Pick<TokenInfo, 'text'>[];
  readonly different: ReadonlySet<number>;
  readonly next: Candidate | null;
  readonly onChip?: ((position: number) => void) | undefined;
  readonly chosen?: number | null | undefined;
}

export function ComparedChips({ label, tokens, different, next, onChip, chosen }: ComparedChipsProps) {
  return (
    <div className="strip pair-strip">
      {tokens.map(({ text }, position) =>
        onChip ? (
          <button
            // biome-ignore lint/suspicious/noArrayIndexKey: a position is its number
            key={position}
            type="button"
            className="chip mono pair-chip"
            aria-pressed={chosen === position}
            aria-label={`${label}, position ${position}: ${spokenToken(text)}`}
            data-different={different.has(position)}
            onClick={() => onChip(position)}
          >
            <TokenText text={text} />
          </button>
        ) : (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: a position is its number
            key={position}
            className="chip mono"
            title={`position ${position}`}
            data-different={different.has(position)}
          >
            <TokenText text={text} />
          </span>
        ),
      )}
      {next !== null && (
        <span className="chip chip-ghost mono" title="The next token that the model expects most">
          <TokenText text={next.text} /> <span className="mute">{formatRoundPercent(next.probability)}</span>
        </span>
      )}
    </div>
  );
}
