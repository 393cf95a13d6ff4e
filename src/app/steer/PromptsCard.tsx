// The prompts: texts, or a chat where the model has a template; what is compared, and the run.

import { useId } from 'react';
import { useStore } from 'zustand';
import { Choice } from '../experiment/Choice.tsx';
import { Examples } from '../experiment/Examples.tsx';
import { RunBar } from '../experiment/RunBar.tsx';
import { UndoButtons } from '../experiment/UndoButtons.tsx';
import { promptFieldId } from '../frame/useShortcuts.ts';
import { useModel } from '../workbenchContext.tsx';
import { ActingStrip } from './ActingStrip.tsx';
import { ChatTurns } from './ChatTurns.tsx';
import { changedPrompt } from './changes.ts';
import { cutAfter, forkedAfter, kindOfPrompts, withKind, withMessages } from './chatChanges.ts';
import type { ChatStore } from './chatStore.ts';
import {
  type BesidePassage,
  blankSteering,
  type ChatPassage,
  type Passage,
  type PromptField,
  type SteerDocument,
} from './document.ts';
import { Problem } from './fields.tsx';
import { ColumnFields, GenerationFields, WordsFields } from './GenerationFields.tsx';
import { useDocument, useEdit, useOwn, useOwnPage, useProblem } from './hooks.ts';
import { NoticesBefore } from './Notices.tsx';
import { wholeIn } from './numberFields.ts';
import { PassageBeside } from './PassageBeside.tsx';
import { promptTexts } from './page.ts';
import { isChatPassage, promptOf, withPart } from './passage.ts';
import { mostNewTokens } from './problems.ts';
import { useRunProblem } from './sending.ts';

/** What the effect is measured on after this prompt alone. */
function OwnWords({ words, index }: { readonly words: PromptField['words']; readonly index: number }) {
  const edit = useEdit();
  if (words === null) return null;
  return (
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
  );
}

const withoutPrompt = (document: SteerDocument, index: number): SteerDocument => ({
  ...document,
  prompts: document.prompts.filter((_, place) => place !== index),
});

/** What is asked for where the model reads more than a text. */
const placeholders = {
  text: 'The source: what the texts are written from',
  image: 'What has been written so far; it may be empty',
  asked: 'A question about the picture',
  sound: 'What has been written so far; it may be empty',
} as const;

function TextPrompt({
  passage,
  words,
  index,
  count,
}: {
  readonly passage: string | BesidePassage;
  readonly words: PromptField['words'];
  readonly index: number;
  readonly count: number;
}) {
  const edit = useEdit();
  const own = useId();
  const id = index === 0 ? promptFieldId : own;
  const problem = useProblem(`prompt ${index}`);
  const reads = useModel((state) => state.info?.reads ?? null);
  const change = (next: Passage, field: string) =>
    edit((document) => changedPrompt(document, index, { passage: next }), `${field} ${index}`);
  return (
    <li className="steer-prompt-line">
      <textarea
        id={id}
        className="prompt-text"
        rows={1}
        aria-label={count === 1 ? 'Prompt' : `Prompt ${index + 1}`}
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${id}-problem`}
        placeholder={
          reads === null ? 'The texts go on from here' : placeholders[reads.isAsked ? 'asked' : reads.kind]
        }
        value={promptOf(passage)}
        onChange={(event) => change(withPart(passage, { prompt: event.target.value }), 'prompt')}
      />
      {count > 1 && (
        <button
          type="button"
          className="button-plain"
          aria-label={`Take away prompt ${index + 1}`}
          onClick={() => edit((document) => withoutPrompt(document, index))}
        >
          ×
        </button>
      )}
      <PassageBeside
        passage={passage}
        {...(count > 1 ? { of: `Prompt ${index + 1}` } : {})}
        onChange={change}
      />
      <OwnWords words={words} index={index} />
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
  const readsMore = useModel((state) => state.info?.reads !== undefined);
  const reading = useOwn(({ world }) => world.readings[index]);
  const written = useStore(chat, (state) => state.written);
  const first = prompts[index];
  const tokens =
    first && isChatPassage(first.passage)
      ? (written?.tokens ?? null)
      : reading?.text === first?.passage
        ? (reading?.tokens ?? null)
        : null;
  const count = wholeIn(generation.maxNewTokens);
  // What stands there is a source, whose tokens are none of what is written.
  if (readsMore || tokens === null || tokens.length === 0 || Number.isNaN(count)) return null;
  return <ActingStrip edits={edits} tokens={tokens} newTokens={Math.min(count, mostNewTokens)} />;
}

const examplesNote =
  'The first four are of the small model that comes with the page. The others are made for SmolLM2-135M-Instruct, or for a larger model that answers: open it first.';

interface ChatPromptProps {
  readonly passage: ChatPassage;
  readonly words: PromptField['words'];
  readonly index: number;
  readonly chat: ChatStore;
  readonly onChoose: (index: number) => void;
}

/** The chat that is in view, of several perhaps. */
function ChatPrompt({ passage, words, index, chat, onChoose }: ChatPromptProps) {
  const page = useOwnPage();
  const document = useDocument();
  const edit = useEdit();
  const runProblem = useRunProblem();
  return (
    <>
      <ChatTurns
        passage={passage}
        chat={chat}
        onChange={(messages, field) => edit((current) => withMessages(current, index, messages), field)}
        onReply={(reply) =>
          edit((current) => {
            const { messages } = passage;
            return changedPrompt(current, index, {
              passage: reply === '' ? { messages } : { ...passage, reply },
            });
          }, `reply ${index}`)
        }
        problemOf={(turn) =>
          passage.messages[turn]?.content.trim() === ''
            ? 'Write something before you send it.'
            : runProblem(cutAfter(document, index, turn))
        }
        onSend={(turn) => {
          edit((current) => cutAfter(current, index, turn));
          onChoose(index);
          void page.start();
        }}
        onFork={(turn) => {
          edit((current) => forkedAfter(current, index, turn));
          onChoose(index + 1);
        }}
      />
      <OwnWords words={words} index={index} />
    </>
  );
}

interface PromptsCardProps {
  readonly chat: ChatStore;
  /** Of several prompts with a chat among them the one that is in view. */
  readonly chosen: number;
  readonly onChoose: (index: number) => void;
}

export function PromptsCard({ chat, chosen, onChoose }: PromptsCardProps) {
  const document = useDocument();
  const edit = useEdit();
  const hasTemplate = useStore(chat, (state) => state.hasTemplate);
  const { prompts } = document;
  const isChat = kindOfPrompts(document) === 'chat';
  const chatIndex = Math.min(chosen, prompts.length - 1);
  const chatField = isChat ? prompts[chatIndex] : undefined;
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
              onClick={() => edit((current) => withKind(current, kind))}
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
        <div className="steer-which">
          <Choice
            label={`Which of ${prompts.length} prompts`}
            value={String(chatIndex)}
            choices={promptTexts(document).map(
              (text, index) => [String(index), `${index + 1}  ${text.slice(0, 80)}`] as const,
            )}
            onChange={(index) => onChoose(Number(index))}
          />
          <button
            type="button"
            className="button"
            onClick={() => {
              edit((current) => withoutPrompt(current, chatIndex));
              onChoose(Math.max(0, chatIndex - 1));
            }}
          >
            Take this one away
          </button>
        </div>
      )}
      {chatField && isChatPassage(chatField.passage) ? (
        <ChatPrompt
          // What was refused of one chat is not said of another.
          key={chatIndex}
          passage={chatField.passage}
          words={chatField.words}
          index={chatIndex}
          chat={chat}
          onChoose={onChoose}
        />
      ) : (
        <>
          <ol className="steer-prompt-list" data-many={prompts.length > 2}>
            {prompts.map(({ passage, words }, index) =>
              isChat && index !== chatIndex ? null : (
                <TextPrompt
                  // biome-ignore lint/suspicious/noArrayIndexKey: a prompt is known by its place
                  key={index}
                  passage={isChatPassage(passage) ? '' : passage}
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
      <NoticesBefore />
      <RunBar />
    </section>
  );
}
