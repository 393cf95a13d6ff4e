// A chat: its turns, each of which can be changed and sent again, and how the model's template writes them down.

import { useEffect, useId, useState } from 'react';
import { useStore } from 'zustand';
import type { ChatStore } from './chatStore.ts';
import type { ChatPassage, Turn } from './document.ts';

const roleWords: Readonly<Record<string, string>> = {
  system: 'System',
  user: 'You',
  assistant: 'Model',
};

interface TurnFieldProps {
  readonly turn: Turn;
  readonly isLast: boolean;
  readonly onChange: (content: string) => void;
  readonly onRemove: (() => void) | null;
  readonly onSend: () => void;
  readonly onFork: () => void;
  /** Why it could not be sent, once that was tried. */
  readonly refusal: string | null;
}

function TurnField({ turn, isLast, onChange, onRemove, onSend, onFork, refusal }: TurnFieldProps) {
  const id = useId();
  const isUser = turn.role === 'user';
  return (
    <li className="turn" data-role={turn.role}>
      <label className="small" htmlFor={id}>
        {roleWords[turn.role] ?? turn.role}
      </label>
      <textarea
        id={id}
        className="prompt-text"
        rows={1}
        value={turn.content}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || !isUser || event.nativeEvent.isComposing) return;
          event.preventDefault();
          onSend();
        }}
      />
      <span className="turn-tools">
        {isUser && (
          <button type="button" className={isLast ? 'button button-primary' : 'button'} onClick={onSend}>
            {isLast ? 'Send' : 'Send again from here'}
          </button>
        )}
        {isUser && (
          <button
            type="button"
            className="button-plain"
            title="Another chat that goes on from here; this one stays"
            onClick={onFork}
          >
            Fork
          </button>
        )}
        {onRemove && (
          <button
            type="button"
            className="button-plain"
            aria-label={`Take away the turn of ${roleWords[turn.role] ?? turn.role}`}
            onClick={onRemove}
          >
            Remove
          </button>
        )}
      </span>
      {refusal !== null && (
        <p className="field-problem turn-refusal" role="alert">
          {refusal}
        </p>
      )}
    </li>
  );
}

interface ChatTurnsProps {
  readonly passage: ChatPassage;
  readonly chat: ChatStore;
  readonly onChange: (messages: readonly Turn[], field?: string) => void;
  readonly onReply: (reply: string) => void;
  /** Send the chat as it stands up to a turn. */
  readonly onSend: (turn: number) => void;
  /** Why the chat could not be sent as it stands up to a turn; null where it could. */
  readonly problemOf: (turn: number) => string | null;
  readonly onFork: (turn: number) => void;
}

export function ChatTurns(props: ChatTurnsProps) {
  const { passage, chat, onChange, onReply, onSend, problemOf, onFork } = props;
  /** A turn that could not be sent, as long as nothing is changed. */
  const [refused, setRefused] = useState<{ readonly turn: number; readonly of: ChatPassage } | null>(null);
  const { written, problem } = useStore(chat, (state) => state);
  const { messages } = passage;
  useEffect(() => {
    const isEmpty = messages.every(({ content }) => content.trim() === '');
    chat.getState().follow(isEmpty ? null : passage);
  }, [chat, passage, messages]);
  const replyId = useId();
  const hasSystem = messages[0]?.role === 'system';
  return (
    <>
      <ol className="turns" aria-label="Turns of the chat">
        {messages.map((turn, at) => (
          <TurnField
            // biome-ignore lint/suspicious/noArrayIndexKey: a turn is known by its place
            key={at}
            turn={turn}
            isLast={at === messages.length - 1}
            onChange={(content) =>
              onChange(
                messages.map((each, place) => (place === at ? { ...each, content } : each)),
                `turn ${at}`,
              )
            }
            onRemove={
              messages.length > 1 && (turn.role === 'system' || at === messages.length - 1)
                ? () => onChange(messages.filter((_, place) => place !== at))
                : null
            }
            onSend={() => {
              if (problemOf(at) === null) onSend(at);
              else setRefused({ turn: at, of: passage });
            }}
            onFork={() => onFork(at)}
            refusal={refused?.of === passage && refused.turn === at ? problemOf(at) : null}
          />
        ))}
      </ol>
      <div className="field steer-reply">
        <label htmlFor={replyId}>The reply begins with</label>
        <input
          id={replyId}
          className="mono"
          value={passage.reply ?? ''}
          placeholder="what the model likes"
          autoComplete="off"
          onChange={(event) => onReply(event.target.value)}
        />
      </div>
      {problem !== null && <p className="field-problem">{problem}</p>}
      <div className="steer-adds">
        {!hasSystem && (
          <button
            type="button"
            className="button"
            onClick={() => onChange([{ role: 'system', content: '' }, ...messages])}
          >
            Add a system prompt
          </button>
        )}
      </div>
      {written !== null && (
        <details className="rendered">
          <summary className="small">As the model reads it: {written.tokens.length} tokens</summary>
          <pre className="mono small">{written.rendered}</pre>
        </details>
      )}
    </>
  );
}
