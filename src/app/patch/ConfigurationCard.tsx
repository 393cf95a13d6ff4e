// The cables as text: pyvene's configuration with the arguments of its call, to read and to type into, and as programs.

import { Tabs } from 'radix-ui';
import { lazy, Suspense, useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { useBench, useBenchState, useDocument, usePatchDraft } from './benchContext.tsx';
import { aboutCables } from './draft.ts';
import { editedCables } from './edited.ts';
import { DropZone, OpenFolderButton, useOpenFolder } from './OpenFolder.tsx';
import { type Language, languages, programOf } from './programs.ts';
import { wiringText } from './reading.ts';
import { ShareButtons } from './ShareButtons.tsx';

/** Loaded when a person opens it: an editor is heavier than the rest of the page. */
const JsonEditor = lazy(() => import('../experiment/JsonEditor.tsx'));

const emptyText = '{}\n';

function useEditing(): (text: string) => string | null {
  const { page, draftOf } = useBench();
  return (text) => {
    const state = page.store.getState();
    try {
      const edited = editedCables(text, state.document, draftOf(state));
      const isEmpty = edited.cables.length === 0 && state.document.cables.length === 0;
      page.edit((document) => (isEmpty ? document : { ...document, ...edited }), 'json');
      return null;
    } catch (cause) {
      return messageOf(cause);
    }
  };
}

function Program({ language }: { readonly language: Language }) {
  const draft = usePatchDraft();
  const document = useDocument();
  const [isCopied, setIsCopied] = useState(false);
  const program = programOf(draft, document, language);
  if (!program.ok) return <p className="mute">{aboutCables(program.why)}</p>;
  return (
    <>
      <button
        type="button"
        className="button program-copy"
        onClick={() => {
          void navigator.clipboard.writeText(program.code).then(() => setIsCopied(true));
        }}
      >
        {isCopied ? 'Copied' : 'Copy'}
      </button>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <pre className="program mono" tabIndex={0}>
        {program.code}
      </pre>
    </>
  );
}

export function ConfigurationCard() {
  const draft = usePatchDraft();
  const model = useBenchState((state) => state.model);
  const editing = useEditing();
  const { message, open } = useOpenFolder();
  if (model === null) return null;
  const text = draft.written ? wiringText(draft.written) : emptyText;
  return (
    <section className="card configuration" aria-labelledby="configuration-title">
      <div className="card-head">
        <h2 id="configuration-title">Configuration</h2>
        <OpenFolderButton onFiles={(files) => void open(files)} />
      </div>
      {message !== null && (
        <p role="status" className="small">
          {message}
        </p>
      )}
      <DropZone onFiles={(files) => void open(files)}>
        <Tabs.Root defaultValue="json">
          <Tabs.List className="tabs" aria-label="The cables as">
            <Tabs.Trigger value="json">JSON</Tabs.Trigger>
            {languages.map(({ name, title }) => (
              <Tabs.Trigger key={name} value={name}>
                {title}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
          <Tabs.Content value="json" tabIndex={-1}>
            {draft.problem !== null && <p className="run-problem small">{draft.problem}</p>}
            <Suspense fallback={<pre className="program mono">{text}</pre>}>
              <JsonEditor text={text} label="Configuration as JSON" onText={editing} />
            </Suspense>
          </Tabs.Content>
          {languages.map(({ name }) => (
            <Tabs.Content key={name} value={name} tabIndex={-1}>
              <Program language={name} />
            </Tabs.Content>
          ))}
        </Tabs.Root>
      </DropZone>
      <ShareButtons />
    </section>
  );
}
