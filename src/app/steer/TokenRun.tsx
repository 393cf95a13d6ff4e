// A generated text as tokens that can be pointed at, by one tab stop and the arrows: tinted by how improbable each is under the
// unsteered model, and marked where the text parts from the unsteered one.

import { type CSSProperties, type KeyboardEvent, useState } from 'react';
import { movePosition } from '../prompt/chipKeys.ts';
import { TokenText } from '../prompt/TokenText.tsx';
import { spokenToken } from '../prompt/tokenText.ts';
import { formatPercent } from '../quantities.ts';
import { type ShownToken, spokenPlace, surpriseOf } from './shownTexts.ts';

interface TokenRunProps {
  readonly label: string;
  readonly tokens: readonly ShownToken[];
  /** Natural logarithms under the unsteered model; shorter while they have not arrived. */
  readonly logProbabilities: readonly (number | null)[];
  readonly parts: number | null;
  /** Ids that end a text: special tokens, no part of what is said. */
  readonly endIds: readonly number[];
  readonly chosen: number | null;
  /** By keys or pointer; null when the pointer has left. */
  readonly onLook: (step: number | null) => void;
}

const spokenProbability = (logProbability: number | null | undefined): string =>
  logProbability === null || logProbability === undefined
    ? ''
    : `, ${formatPercent(Math.exp(logProbability))} unsteered`;

export function TokenRun({ label, tokens, logProbabilities, parts, endIds, chosen, onLook }: TokenRunProps) {
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
    <div
      role="listbox"
      tabIndex={-1}
      className="said"
      aria-label={label}
      aria-orientation="horizontal"
      onKeyDown={onKeyDown}
      onMouseLeave={() => onLook(null)}
    >
      {tokens.map(({ id, text }, step) => {
        const logProbability = logProbabilities[step];
        // A custom property is no property that React knows.
        const style = { '--surprise': surpriseOf(logProbability) } as CSSProperties;
        return (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: a token is known by its place
            key={step}
            role="option"
            className="said-token mono"
            style={style}
            aria-label={`${spokenToken(text)}, ${spokenPlace(step, parts)}${spokenProbability(logProbability)}`}
            aria-selected={step === chosen}
            data-parts={step === parts}
            data-special={endIds.includes(id)}
            tabIndex={step === tabStop ? 0 : -1}
            onMouseEnter={() => onLook(step)}
            onFocus={() => {
              setFocus(step);
              onLook(step);
            }}
          >
            <TokenText text={text} />
          </span>
        );
      })}
    </div>
  );
}
