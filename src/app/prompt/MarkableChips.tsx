// Tokens of a prompt of which some are marked: by dragging over chips, by a click and a shift-click, by a tap on the first
// and one on the last, or by the keyboard, where Shift and the arrows stretch the range and Enter marks one token.

import { type KeyboardEvent, type MouseEvent, type PointerEvent, useRef, useState } from 'react';
import type { TokenRange } from '../../experiments/promptText.ts';
import type { TokenInfo } from '../../worker/protocol.ts';
import { movePosition } from './chipKeys.ts';
import { isInRange, rangeBetween } from './passage.ts';
import { TokenText } from './TokenText.tsx';
import { spokenToken } from './tokenText.ts';

interface MarkableChipsProps {
  /** What the list is, for those who do not see it. */
  readonly label: string;
  readonly tokens: readonly TokenInfo[];
  readonly marked: TokenRange | null;
  readonly isStale: boolean;
  readonly limit: number;
  readonly onMark: (marked: TokenRange) => void;
}

const positionOf = (target: EventTarget | null): number | null => {
  const chip = target instanceof Element ? target.closest('[data-position]') : null;
  return chip instanceof HTMLElement ? Number(chip.dataset.position) : null;
};

export function MarkableChips({ label, tokens, marked, isStale, limit, onMark }: MarkableChipsProps) {
  const [focus, setFocus] = useState(0);
  /** Where a drag or a stretch by keyboard began. */
  const anchor = useRef<number | null>(null);
  const isDragging = useRef(false);
  /** The first of two taps. */
  const tapped = useRef<number | null>(null);
  const tabStop = Math.min(focus, tokens.length - 1);

  function onPointerDown(event: PointerEvent<HTMLDivElement>) {
    const position = positionOf(event.target);
    // A finger must be able to scroll the strip: it marks by taps, a mouse and a pen by dragging.
    if (position === null || event.button !== 0 || event.pointerType === 'touch') return;
    const isStretch = event.shiftKey && marked !== null;
    if (isStretch) anchor.current = position < marked[0] ? marked[1] - 1 : marked[0];
    else anchor.current = position;
    isDragging.current = true;
    onMark(rangeBetween(anchor.current, position));
  }

  function onPointerMove(event: PointerEvent<HTMLDivElement>) {
    if (!isDragging.current || anchor.current === null || event.buttons === 0) return;
    const position = positionOf(document.elementFromPoint(event.clientX, event.clientY));
    if (position === null) return;
    const range = rangeBetween(anchor.current, position);
    if (marked === null || range[0] !== marked[0] || range[1] !== marked[1]) onMark(range);
  }

  /** The first tap marks a token, the second one, on another, all up to there; the third begins anew. */
  function onClick(event: MouseEvent<HTMLDivElement>) {
    const { nativeEvent, target } = event;
    const position = positionOf(target);
    if (position === null || !(nativeEvent instanceof window.PointerEvent)) return;
    if (nativeEvent.pointerType !== 'touch') return;
    const first = tapped.current;
    const isSecond = first !== null && first !== position && first < tokens.length;
    tapped.current = isSecond ? null : position;
    onMark(rangeBetween(isSecond ? first : position, position));
  }

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      const from = event.shiftKey && anchor.current !== null ? anchor.current : tabStop;
      anchor.current = from;
      onMark(rangeBetween(from, tabStop));
      return;
    }
    const target = movePosition(tabStop, tokens.length, event.key);
    if (target === null) return;
    event.preventDefault();
    if (event.shiftKey) {
      anchor.current ??= tabStop;
      onMark(rangeBetween(anchor.current, target));
    } else anchor.current = null;
    setFocus(target);
    const chip = event.currentTarget.querySelector(`[data-position="${target}"]`);
    if (chip instanceof HTMLElement) chip.focus();
  }

  return (
    <div
      role="listbox"
      tabIndex={-1}
      className="strip-tokens"
      aria-label={label}
      aria-multiselectable="true"
      aria-orientation="horizontal"
      data-stale={isStale}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        isDragging.current = false;
      }}
    >
      {tokens.map(({ id, text, isSpecial }, position) => {
        const isMarked = isInRange(position, marked);
        return (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: a token is known by its position
            key={position}
            role="option"
            className="chip mono chip-markable"
            aria-label={`${spokenToken(text)}, ${isSpecial ? 'special, ' : ''}position ${position}, id ${id}`}
            aria-selected={isMarked}
            title={`position ${position} · id ${id}`}
            data-position={position}
            data-subject={isMarked}
            data-special={isSpecial}
            data-over={position >= limit}
            tabIndex={position === tabStop ? 0 : -1}
            onFocus={() => setFocus(position)}
          >
            <TokenText text={text} />
          </span>
        );
      })}
    </div>
  );
}
