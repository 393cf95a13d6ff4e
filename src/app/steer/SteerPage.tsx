// The Steer page: vectors, where they are put and how strongly, and the texts that come of it beside those that come without.

import { useMemo } from 'react';
import { useWorkbench } from '../workbenchContext.tsx';
import '../style/steer.css';
import { ApplyCard } from './ApplyCard.tsx';
import { CompareCard } from './CompareCard.tsx';
import { type ChatStore, createChatStore } from './chatStore.ts';
import { changedPrompt, type SteerDocument } from './document.ts';
import { isEmptyPassage } from './draft.ts';
import { useDocument, useEdit } from './hooks.ts';
import { PromptsCard } from './PromptsCard.tsx';
import { SitesCard } from './SitesCard.tsx';
import { SweepCard } from './SweepCard.tsx';
import { VectorsCard } from './VectorsCard.tsx';

/** The page is left and come back to; what is known of the model's template stays. */
const chats = new WeakMap<object, ChatStore>();

/**
 * The chat with a reply, and room for what comes next.
 * @param prompt its place in the result
 */
function withReply(document: SteerDocument, prompt: number, reply: string): SteerDocument {
  // A result has no empty prompts.
  const at = [...document.prompts.keys()].filter(
    (index) => !isEmptyPassage(document.prompts[index]?.passage ?? ''),
  )[prompt];
  const passage = at === undefined ? undefined : document.prompts[at]?.passage;
  if (at === undefined || passage === undefined || typeof passage === 'string') return document;
  return changedPrompt(document, at, {
    passage: {
      messages: [
        ...passage.messages,
        { role: 'assistant', content: `${passage.reply ?? ''}${reply}`.trim() },
        { role: 'user', content: '' },
      ],
    },
  });
}

export default function SteerPage() {
  const workbench = useWorkbench();
  const { engine, model } = workbench;
  const { prompts } = useDocument();
  const edit = useEdit();
  const chat = useMemo(() => {
    const known = chats.get(workbench) ?? createChatStore(engine, model);
    chats.set(workbench, known);
    return known;
  }, [workbench, engine, model]);
  const isChat = prompts.some(({ passage }) => typeof passage !== 'string');
  return (
    <>
      <div className="column steer-main">
        <PromptsCard chat={chat} />
        <CompareCard
          onKeep={isChat ? (prompt, reply) => edit((document) => withReply(document, prompt, reply)) : null}
        />
        <SweepCard />
      </div>
      <div className="column steer-side">
        <ApplyCard />
        <VectorsCard />
        <SitesCard />
      </div>
    </>
  );
}
