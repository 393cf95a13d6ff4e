// The Steer page: vectors, where they are put and how strongly, and the texts that come of it beside those that come without.

import { useMemo, useState } from 'react';
import { useWorkbench } from '../workbenchContext.tsx';
import '../style/steer.css';
import { ApplyCard } from './ApplyCard.tsx';
import { CompareCard } from './CompareCard.tsx';
import { kindOfPrompts, placeInDocument, placeInResult, withReply } from './chatChanges.ts';
import { type ChatStore, createChatStore } from './chatStore.ts';
import { useDocument, useEdit } from './hooks.ts';
import { PromptsCard } from './PromptsCard.tsx';
import { SitesCard } from './SitesCard.tsx';
import { SweepCard } from './SweepCard.tsx';
import { VectorsCard } from './VectorsCard.tsx';

/** The page is left and come back to; what is known of the model's template stays. */
const chats = new WeakMap<object, ChatStore>();

export default function SteerPage() {
  const workbench = useWorkbench();
  const { engine, model } = workbench;
  const document = useDocument();
  const edit = useEdit();
  const chat = useMemo(() => {
    const known = chats.get(workbench) ?? createChatStore(engine, model);
    chats.set(workbench, known);
    return known;
  }, [workbench, engine, model]);
  const isChat = kindOfPrompts(document) === 'chat';
  // The prompt that is looked at, in the document: a chat and what is said to it belong together.
  const [chosen, setChosen] = useState<number | null>(null);
  return (
    <>
      <div className="column steer-main">
        <PromptsCard chat={chat} chosen={chosen ?? 0} onChoose={setChosen} />
        <CompareCard
          chosen={chosen === null ? null : placeInResult(document, chosen)}
          onChoose={(place) => setChosen(placeInDocument(document, place) ?? null)}
          onKeep={isChat ? (place, reply) => edit((current) => withReply(current, place, reply)) : null}
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
