// The texts that a vector is made of: a line for each pair, typed or from a table.

import { useId, useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { Popup } from '../frame/Popup.tsx';
import type { Passage, TextRow } from './document.ts';
import { Problem } from './fields.tsx';
import { useProblem } from './hooks.ts';
import { PassageBeside } from './PassageBeside.tsx';
import { textsWords } from './pairs.ts';
import { isChatPassage, promptOf, withPart } from './passage.ts';
import { textRowsIn } from './textTable.ts';

/** What of a passage is typed: of a chat its last turn, or how the reply begins. */
const textOf = (passage: Passage): string =>
  isChatPassage(passage) ? (passage.reply ?? passage.messages.at(-1)?.content ?? '') : promptOf(passage);

function withText(passage: Passage, text: string): Passage {
  if (!isChatPassage(passage)) return withPart(passage, { prompt: text });
  if (passage.reply !== undefined) return { ...passage, reply: text };
  const last = passage.messages.length - 1;
  return {
    ...passage,
    messages: passage.messages.map((turn, at) => (at === last ? { ...turn, content: text } : turn)),
  };
}

/** What a chat says before the text that is typed. */
function before(passage: Passage): string | null {
  if (!isChatPassage(passage)) return null;
  const turns = passage.reply === undefined ? passage.messages.slice(0, -1) : passage.messages;
  return turns.map(({ role, content }) => `${role}: ${content}`).join(' · ') || 'as a chat';
}

interface PairTableProps {
  readonly onTake: (rows: readonly TextRow[]) => void;
}

function PairTable({ onTake }: PairTableProps) {
  const [isOpen, setIsOpen] = useState(false);
  const [text, setText] = useState('');
  const [message, setMessage] = useState<string | null>(null);
  const id = useId();
  const take = (given: string) => {
    try {
      onTake(textRowsIn(given));
      setMessage(null);
      setIsOpen(false);
    } catch (cause) {
      setMessage(messageOf(cause));
    }
  };
  return (
    <Popup
      isOpen={isOpen}
      onOpenChange={setIsOpen}
      className="popover steer-popover"
      label="A table of texts"
      align="end"
      sideOffset={6}
      trigger={
        <button type="button" className="button">
          Paste a table
        </button>
      }
    >
      <form
        className="steer-form"
        onSubmit={(event) => {
          event.preventDefault();
          event.stopPropagation();
          take(text);
        }}
      >
        <label className="mute small" htmlFor={id}>
          Two columns, texts towards and texts away; or the columns text and label. Commas or tabs
        </label>
        <textarea
          id={id}
          className="prompt-text mono"
          rows={6}
          value={text}
          spellCheck={false}
          aria-invalid={message !== null}
          aria-describedby={`${id}-message`}
          onChange={(event) => setText(event.target.value)}
        />
        <input
          type="file"
          accept=".csv,.tsv,.txt"
          aria-label="A file with the table"
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            // The same file is a choice again, once it was mended.
            event.target.value = '';
            void file?.text().then(take, (cause: unknown) => setMessage(messageOf(cause)));
          }}
        />
        <p id={`${id}-message`} className="field-problem" role="alert">
          {message}
        </p>
        <button type="submit" className="button button-primary">
          Take the texts
        </button>
      </form>
    </Popup>
  );
}

interface SideProps {
  readonly passage: Passage;
  readonly label: string;
  readonly placeholder: string;
  /** The id of what is wrong with its line. */
  readonly problemId: string | undefined;
  readonly onChange: (passage: Passage) => void;
}

function Side({ passage, label, placeholder, problemId, onChange }: SideProps) {
  const said = before(passage);
  return (
    <div className="steer-side-text">
      {said !== null && <span className="mute small steer-said">{said}</span>}
      <textarea
        className="prompt-text"
        rows={1}
        aria-label={label}
        aria-describedby={problemId}
        placeholder={placeholder}
        value={textOf(passage)}
        onChange={(event) => onChange(withText(passage, event.target.value))}
      />
      <PassageBeside passage={passage} of={label} onChange={onChange} />
    </div>
  );
}

interface RowProps {
  readonly row: TextRow;
  readonly at: number;
  /** The name of its control among the draft's problems. */
  readonly control: string;
  readonly onChange: (part: Partial<TextRow>, field: string) => void;
  readonly onRemove: () => void;
}

function Row({ row, at, control, onChange, onRemove }: RowProps) {
  const problem = useProblem(control);
  const id = useId();
  const problemId = problem === undefined ? undefined : id;
  return (
    <li className="steer-row">
      <Side
        passage={row.positive}
        label={`Text ${at + 1} towards`}
        placeholder={at === 0 ? 'A happy text' : ''}
        problemId={problemId}
        onChange={(positive) => onChange({ positive }, 'positive')}
      />
      <Side
        passage={row.negative}
        label={`Text ${at + 1} away`}
        placeholder={at === 0 ? 'A sad text' : ''}
        problemId={problemId}
        onChange={(negative) => onChange({ negative }, 'negative')}
      />
      <button
        type="button"
        className="button-plain"
        aria-label={`Take away line ${at + 1}`}
        onClick={onRemove}
      >
        ×
      </button>
      {problem !== undefined && (
        <p id={id} className="field-problem steer-row-problem">
          {problem}
        </p>
      )}
    </li>
  );
}

interface TextRowsProps {
  readonly name: string;
  /** What its controls among the draft's problems begin with. */
  readonly control: string;
  readonly rows: readonly TextRow[];
  readonly onChange: (rows: readonly TextRow[], field?: string) => void;
}

export function TextRows({ name, control, rows, onChange }: TextRowsProps) {
  return (
    <div className="steer-texts">
      <div className="steer-texts-head small mute" aria-hidden="true">
        <span>Towards</span>
        <span>Away</span>
      </div>
      <ol className="steer-rows" aria-label={`Texts of ${name}`}>
        {rows.map((row, at) => (
          <Row
            // biome-ignore lint/suspicious/noArrayIndexKey: a line of a table is known by its place
            key={at}
            row={row}
            at={at}
            control={`${control} row ${at}`}
            onChange={(part, field) =>
              onChange(
                rows.map((each, place) => (place === at ? { ...each, ...part } : each)),
                `${field} ${at}`,
              )
            }
            onRemove={() => onChange(rows.filter((_, place) => place !== at))}
          />
        ))}
      </ol>
      <Problem name={`${control} texts`} />
      <div className="steer-adds">
        <button
          type="button"
          className="button"
          onClick={() => onChange([...rows, { positive: '', negative: '' }])}
        >
          Add a pair
        </button>
        <PairTable onTake={onChange} />
        <span className="mute small">{textsWords(rows)}</span>
      </div>
    </div>
  );
}
