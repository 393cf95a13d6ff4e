// What a screen reader hears of texts that grow: whole sentences, each with whose it is, and never a token.

import { useEffect, useRef, useState } from 'react';
import { columnTitles } from './document.ts';
import { useOwn } from './hooks.ts';
import { type Said, sentencesSince } from './shownTexts.ts';

interface SpokenTextsProps {
  readonly texts: readonly Said[];
  readonly isRunning: boolean;
  /** Texts of another prompt or run begin anew. */
  readonly of: string;
}

export function SpokenTexts({ texts, isRunning, of }: SpokenTextsProps) {
  const [said, setSaid] = useState('');
  const heard = useRef<{ readonly of: string; readonly upTo: Map<string, number> } | null>(null);
  const wasRunning = useRef(false);
  const runs = useOwn(({ run }) => run.status === 'running' && !run.isQuiet);
  useEffect(() => {
    const nameOf = ({ column, direction }: Said) => `${column} ${direction}`;
    // What stood there before anything ran is read where it stands; a short run may be over with its first news.
    const isNews = runs || wasRunning.current;
    wasRunning.current = runs;
    if (heard.current?.of !== of) {
      const lengths = new Map(texts.map((text) => [nameOf(text), text.text.length]));
      heard.current = { of, upTo: isNews ? new Map() : lengths };
    }
    const { upTo } = heard.current;
    const sentences = texts.flatMap((text) => {
      const found = sentencesSince(text.text, upTo.get(nameOf(text)) ?? 0, !isRunning || text.whole !== null);
      upTo.set(nameOf(text), found.upTo);
      return found.said === '' ? [] : [`${columnTitles[text.column]}: ${found.said}`];
    });
    if (sentences.length > 0) setSaid(sentences.join(' '));
  }, [texts, isRunning, runs, of]);
  return (
    <p className="visually-hidden" role="status" aria-live="polite" data-spoken>
      {said}
    </p>
  );
}
