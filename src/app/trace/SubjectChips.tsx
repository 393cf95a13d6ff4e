// The tokens of the prompt with the subject marked: by dragging over chips, by a click and a shift-click, or by the
// keyboard, where Shift and the arrows stretch the range and Enter marks one token.

import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import type { TokenInfo } from '../../worker/protocol.ts';
import { movePosition } from '../prompt/chipKeys.ts';
import { TokenText } from '../prompt/TokenText.tsx';
import { spokenToken } from '../prompt/tokenText.ts';
import { isInRange, rangeBetween, type TokenRange } from './subject.ts';

interface SubjectChipsProps {
  readonly tokens: readonly TokenInfo[];
  readonly subject: TokenRange | null;
  readonly isStale: boolean;
  readonly limit: number;
  readonly onMark: (subject: TokenRange) => void;
}

const positionOf = (target: EventTarget | null): number | null => {
  const chip = target instanceof Element ? target.closest('[data-position]') : null;
  return chip instanceof HTMLElement ? Number(chip.dataset.position) : null;
};

export function SubjectChips({ tokens, subject, isStale, limit, onMark }: SubjectChipsProps) {
  const [focus, setFocus] = useState(0);
  /** Where a drag or a stretch by keyboard began. */
  const anchor = useRef<number | null>(null);
  const isDragging = useRef(false);
  const tabStop = Math.min(focus, tokens.length - 1);

  function onPointerDown(event: PointerEvent<HTMLDivElement>) {
    const position = positionOf(event.target);
    if (position === null || event.button !== 0) return;
    const isStretch = event.shiftKey && subject !== null;
    if (isStretch) anchor.current = position < subject[0] ? subject[1] - 1 : subject[0];
    else anchor.current = position;
    // A finger must be able to scroll the strip: it marks by taps, a mouse and a pen by dragging.
    isDragging.current = event.pointerType !== 'touch';
    onMark(rangeBetween(anchor.current, position));
  }

  function onPointerMove(event: PointerEvent<HTMLDivElement>) {
    if (!isDragging.current || anchor.current === null || event.buttons === 0) return;
    const position = positionOf(document.elementFromPoint(event.clientX, event.clientY));
    if (position === null) return;
    const range = rangeBetween(anchor.current, position);
    if (subject === null || range[0] !== subject[0] || range[1] !== subject[1]) onMark(range);
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
      aria-label="Tokens of the prompt; the subject is selected"
      aria-multiselectable="true"
      aria-orientation="horizontal"
      data-stale={isStale}
      onKeyDown={onKeyDown}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        isDragging.current = false;
      }}
    >
      {tokens.map(({ id, text, isSpecial }, position) => {
        const isSubject = isInRange(position, subject);
        return (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: a token is known by its position
            key={position}
            role="option"
            className="chip mono chip-markable"
            aria-label={`${spokenToken(text)}, ${isSpecial ? 'special, ' : ''}position ${position}, id ${id}`}
            aria-selected={isSubject}
            title={`position ${position} · id ${id}`}
            data-position={position}
            data-subject={isSubject}
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
