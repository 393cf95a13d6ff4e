// The tokens of the prompt as a row of chips with one tab stop, and what the model would add as a ghost chip after them.

import { type KeyboardEvent, useState } from 'react';
import type { Candidate, TokenInfo } from '../../worker/protocol.ts';
import { formatRoundPercent } from '../quantities.ts';
import { movePosition } from './chipKeys.ts';
import { TokenText } from './TokenText.tsx';
import { spokenToken } from './tokenText.ts';

interface TokenChipsProps {
  readonly tokens: readonly TokenInfo[];
  readonly isStale: boolean;
  readonly limit: number;
  /** The most probable next token, when it belongs to these tokens. */
  readonly next: Candidate | null;
  readonly onLook: (position: number | null) => void;
  readonly onAppend: (text: string) => void;
}

export function TokenChips({ tokens, isStale, limit, next, onLook, onAppend }: TokenChipsProps) {
  const [focus, setFocus] = useState(0);
  const tabStop = Math.min(focus, tokens.length - 1);

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    const target = movePosition(tabStop, tokens.length, event.key);
    if (target === null || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    setFocus(target);
    const chip = event.currentTarget.children[target];
    if (chip instanceof HTMLElement) chip.focus();
  }

  return (
    <div className="strip" data-stale={isStale}>
      <div
        role="listbox"
        tabIndex={-1}
        className="strip-tokens"
        aria-label="Tokens of the prompt"
        aria-orientation="horizontal"
        onKeyDown={onKeyDown}
        onMouseLeave={() => onLook(null)}
      >
        {tokens.map(({ id, text, isSpecial }, position) => (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: a token is known by its position
            key={position}
            role="option"
            className="chip mono"
            aria-label={`${spokenToken(text)}, ${isSpecial ? 'special, ' : ''}position ${position}, id ${id}`}
            aria-selected={position === tabStop}
            data-special={isSpecial}
            data-over={position >= limit}
            tabIndex={position === tabStop ? 0 : -1}
            onMouseEnter={() => onLook(position)}
            onFocus={() => {
              setFocus(position);
              onLook(position);
            }}
            onBlur={() => onLook(null)}
          >
            <TokenText text={text} />
          </span>
        ))}
      </div>
      {next !== null && (
        <button
          type="button"
          className="chip chip-ghost mono"
          title="Add this token to the prompt"
          aria-label={`Add the most probable next token, ${spokenToken(next.text)}, ${formatRoundPercent(next.probability)}`}
          onClick={() => onAppend(next.text)}
        >
          <TokenText text={next.text} /> <span>{formatRoundPercent(next.probability)}</span>
        </button>
      )}
    </div>
  );
}
