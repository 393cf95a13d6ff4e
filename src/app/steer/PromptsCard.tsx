// The prompts: texts, or a chat where the model has a template; what is compared, and the run.

import { useId, useState } from 'react';
import { useStore } from 'zustand';
import { Choice } from '../experiment/Choice.tsx';
import { Examples } from '../experiment/Examples.tsx';
import { RunBar } from '../experiment/RunBar.tsx';
import { UndoButtons } from '../experiment/UndoButtons.tsx';
import { promptFieldId } from '../frame/useShortcuts.ts';
import { ActingStrip } from './ActingStrip.tsx';
import { ChatTurns } from './ChatTurns.tsx';
import type { ChatStore } from './chatStore.ts';
import { blankSteering, changedPrompt, type PromptField, type Turn } from './document.ts';
import { Problem } from './fields.tsx';
import { ColumnFields, GenerationFields, WordsFields } from './GenerationFields.tsx';
import { useDocument, useEdit, useOwn, useOwnPage, useProblem } from './hooks.ts';
import { wholeIn } from './numberFields.ts';
import { promptTexts } from './page.ts';

function TextPrompt({
  text,
  words,
  index,
  count,
}: {
  readonly text: string;
  readonly words: PromptField['words'];
  readonly index: number;
  readonly count: number;
}) {
  const edit = useEdit();
  const own = useId();
  const id = index === 0 ? promptFieldId : own;
  const problem = useProblem(`prompt ${index}`);
  return (
    <li className="steer-prompt-line">
      <textarea
        id={id}
        className="prompt-text"
        rows={1}
        aria-label={count === 1 ? 'Prompt' : `Prompt ${index + 1}`}
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${id}-problem`}
        placeholder="The texts go on from here"
        value={text}
        onChange={(event) =>
          edit(
            (document) => changedPrompt(document, index, { passage: event.target.value }),
            `prompt ${index}`,
          )
        }
      />
      {count > 1 && (
        <button
          type="button"
          className="button-plain"
          aria-label={`Take away prompt ${index + 1}`}
          onClick={() =>
            edit((document) => ({
              ...document,
              prompts: document.prompts.filter((_, place) => place !== index),
            }))
          }
        >
          ×
        </button>
      )}
      {words !== null && (
        <p className="mute small steer-own-words">
          Measured on {words.towards}
          {words.away === '' ? '' : ` against ${words.away}`}{' '}
          <button
            type="button"
            className="button-plain"
            onClick={() => edit((document) => changedPrompt(document, index, { words: null }))}
          >
            As the others
          </button>
        </p>
      )}
      {problem !== undefined && (
        <p id={`${id}-problem`} className="field-problem">
          {problem}
        </p>
      )}
    </li>
  );
}

/** Where the edits act in the prompt that stands there: of a chat, in what the template writes. */
function Acting({ chat, index }: { readonly chat: ChatStore; readonly index: number }) {
  const { edits, generation, prompts } = useDocument();
  const reading = useOwn(({ world }) => world.readings[index]);
  const written = useStore(chat, (state) => state.written);
  const first = prompts[index];
  const tokens =
    typeof first?.passage === 'string'
      ? reading?.text === first.passage
        ? reading.tokens
        : null
      : (written?.tokens ?? null);
  const count = wholeIn(generation.maxNewTokens);
  if (tokens === null || tokens.length === 0 || Number.isNaN(count)) return null;
  return <ActingStrip edits={edits} tokens={tokens} newTokens={count} />;
}

const examplesNote =
  'The first four are of the small model that comes with the page. The others are made for SmolLM2-135M-Instruct, or for a larger model that answers: open it first.';

const chatPrompt: PromptField = {
  passage: { messages: [{ role: 'user', content: '' }] },
  words: null,
};

export function PromptsCard({ chat }: { readonly chat: ChatStore }) {
  const page = useOwnPage();
  const document = useDocument();
  const edit = useEdit();
  const hasTemplate = useStore(chat, (state) => state.hasTemplate);
  const { prompts } = document;
  const [chosen, setChosen] = useState(0);
  const isChat = prompts.some(({ passage }) => typeof passage !== 'string');
  // Of several prompts with a chat among them one is in view.
  const chatIndex = Math.min(chosen, prompts.length - 1);
  const chatField = isChat ? prompts[chatIndex] : undefined;
  const setMessages = (messages: readonly Turn[], field?: string) => {
    const passage = chatField?.passage;
    if (passage === undefined || typeof passage === 'string') return;
    edit((current) => changedPrompt(current, chatIndex, { passage: { ...passage, messages } }), field);
  };
  return (
    <section className="card prompt steer-prompts" aria-labelledby="prompts-title" data-document>
      <div className="card-head">
        <h2 id="prompts-title">{isChat ? 'Chat' : prompts.length > 1 ? 'Prompts' : 'Prompt'}</h2>
        <span className="steer-adds">
          <button
            type="button"
            className="button"
            title="Take everything away; undo brings it back"
            onClick={() => edit(() => blankSteering)}
          >
            Start empty
          </button>
          <UndoButtons />
        </span>
      </div>
      <Examples note={examplesNote} />
      {(hasTemplate === true || isChat) && (
        <fieldset className="steer-kind">
          <legend className="visually-hidden">Kind of prompt</legend>
          {(['text', 'chat'] as const).map((kind) => (
            <button
              key={kind}
              type="button"
              className="button"
              aria-pressed={isChat === (kind === 'chat')}
              onClick={() => {
                if (isChat === (kind === 'chat')) return;
                edit((current) => ({
                  ...current,
                  prompts: kind === 'chat' ? [chatPrompt] : [{ passage: '', words: null }],
                }));
              }}
            >
              {kind === 'chat' ? 'Chat' : 'Text'}
            </button>
          ))}
        </fieldset>
      )}
      {isChat && hasTemplate === false && (
        <p className="field-problem">
          The model in use has no chat template, so it cannot be told what a turn is. Type the prompt as a
          text, or choose a model that was made for chats.
        </p>
      )}
      {isChat && prompts.length > 1 && (
        <Choice
          label={`${prompts.length} prompts, of which is shown`}
          value={String(chatIndex)}
          choices={promptTexts(document).map(
            (text, index) => [String(index), `${index + 1}  ${text.slice(0, 80)}`] as const,
          )}
          onChange={(index) => setChosen(Number(index))}
        />
      )}
      {chatField && typeof chatField.passage !== 'string' ? (
        <ChatTurns
          passage={chatField.passage}
          chat={chat}
          onChange={setMessages}
          onReply={(reply) => {
            const { passage } = chatField;
            if (typeof passage === 'string') return;
            const next = reply === '' ? { messages: passage.messages } : { ...passage, reply };
            edit((current) => changedPrompt(current, chatIndex, { passage: next }), 'reply');
          }}
          onSend={(messages) => {
            setMessages(messages);
            void page.start();
          }}
        />
      ) : (
        <>
          <ol className="steer-prompt-list" data-many={prompts.length > 2}>
            {prompts.map(({ passage, words }, index) =>
              isChat && index !== chatIndex ? null : (
                <TextPrompt
                  // biome-ignore lint/suspicious/noArrayIndexKey: a prompt is known by its place
                  key={index}
                  text={typeof passage === 'string' ? passage : ''}
                  words={words}
                  index={index}
                  count={prompts.length}
                />
              ),
            )}
          </ol>
          <div className="steer-adds">
            <button
              type="button"
              className="button"
              onClick={() =>
                edit((current) => ({
                  ...current,
                  prompts: [...current.prompts, { passage: '', words: null }],
                }))
              }
            >
              Add a prompt
            </button>
          </div>
        </>
      )}
      <Acting chat={chat} index={isChat ? chatIndex : 0} />
      <ColumnFields />
      <WordsFields />
      <GenerationFields />
      <Problem name="experiment" />
      <RunBar />
    </section>
  );
}
