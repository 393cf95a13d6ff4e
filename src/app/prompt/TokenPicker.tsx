// Picks one token: from the model's most probable ones, or any other by its text.

import { type FormEvent, useId, useState } from 'react';
import type { Candidate } from '../../worker/protocol.ts';
import { Popup } from '../frame/Popup.tsx';
import { formatPercent } from '../quantities.ts';
import { TokenText } from './TokenText.tsx';
import { spokenToken } from './tokenText.ts';

export type PickedToken = string | number | null;

interface TokenPickerProps {
  readonly label: string;
  readonly picked: PickedToken;
  /** What null stands for, in words and, where it is known, as a token. */
  readonly none: string;
  readonly noneToken: string | null;
  readonly candidates: readonly Candidate[];
  readonly nameOf: (id: number) => string | null;
  readonly onPick: (picked: PickedToken) => void;
}

/** A token whose text is not whole by itself can only be named by its id. */
const pickOf = ({ id, text }: Candidate): string | number => (text.includes('\ufffd') ? id : text);

function OtherToken({ space, onPick }: { readonly space: boolean; readonly onPick: (text: string) => void }) {
  const [text, setText] = useState('');
  const [hasSpace, setHasSpace] = useState(space);
  const field = useId();
  const token = hasSpace && text !== '' && !/^\s/.test(text) ? ` ${text}` : text;
  function submit(event: FormEvent) {
    event.preventDefault();
    // In a portal, but a child of whatever form the page may have around the picker.
    event.stopPropagation();
    if (token !== '') onPick(token);
  }
  return (
    <form className="picker-other" onSubmit={submit}>
      <label htmlFor={field}>Another token</label>
      <div className="picker-line">
        <input
          id={field}
          className="mono"
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className="button" aria-disabled={token === ''}>
          Use
        </button>
      </div>
      <label className="check-line">
        <input type="checkbox" checked={hasSpace} onChange={(event) => setHasSpace(event.target.checked)} />
        Begins a new word, with a space before it
      </label>
    </form>
  );
}

export function TokenPicker(props: TokenPickerProps) {
  const { label, picked, none, noneToken, candidates, nameOf, onPick } = props;
  const [isOpen, setIsOpen] = useState(false);
  const pick = (next: PickedToken) => {
    onPick(next);
    setIsOpen(false);
  };
  const text =
    picked === null ? noneToken : typeof picked === 'number' ? (nameOf(picked) ?? `#${picked}`) : picked;
  const spoken = text === null ? none : spokenToken(text);
  const spaced = candidates.filter((candidate) => candidate.text.startsWith(' ')).length;
  return (
    <Popup
      isOpen={isOpen}
      onOpenChange={setIsOpen}
      className="popover picker"
      label={label}
      align="start"
      sideOffset={6}
      trigger={
        <button
          type="button"
          className="setting"
          aria-label={`${label}: ${spoken}${picked === null && noneToken !== null ? `, ${none}` : ''}`}
        >
          <span className="setting-name">{label}</span>
          <span className={text === null ? 'mute' : 'mono'}>
            {text === null ? none : <TokenText text={text} />}
          </span>
          {picked === null && noneToken !== null && <span className="mute small">{none}</span>}
        </button>
      }
    >
      <div className="picker-list">
        <button
          type="button"
          className="picker-item"
          aria-pressed={picked === null}
          onClick={() => pick(null)}
        >
          <span>
            {noneToken === null ? (
              none
            ) : (
              <>
                <span className="mono">
                  <TokenText text={noneToken} />
                </span>{' '}
                {none}
              </>
            )}
          </span>
        </button>
        {candidates.map((candidate) => (
          <button
            key={candidate.id}
            type="button"
            className="picker-item"
            aria-pressed={picked !== null && (picked === candidate.id || picked === candidate.text)}
            onClick={() => pick(pickOf(candidate))}
          >
            <span className="mono">
              <TokenText text={candidate.text} />
            </span>
            <span className="number mute">{formatPercent(candidate.probability)}</span>
          </button>
        ))}
      </div>
      <OtherToken space={spaced * 2 >= candidates.length} onPick={pick} />
    </Popup>
  );
}
