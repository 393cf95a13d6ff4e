// The frame and the one page that is in it so far: the model, its prompt, its next tokens and its components.

import { useEffect, useLayoutEffect, useMemo, useRef } from 'react';
import { Header } from './frame/Header.tsx';
import { HelpDialog } from './frame/HelpDialog.tsx';
import { promptFieldId, useShortcuts } from './frame/useShortcuts.ts';
import { DropTarget } from './model/DropTarget.tsx';
import { ModelChooser } from './model/ModelChooser.tsx';
import { ModelDialog } from './model/ModelDialog.tsx';
import { ModelNotices } from './model/ModelNotices.tsx';
import { NextTokens } from './prompt/NextTokens.tsx';
import { PromptCard } from './prompt/PromptCard.tsx';
import { Inspector } from './rack/Inspector.tsx';
import { RackCard } from './rack/RackCard.tsx';
import { buildRack } from './rack/sites.ts';
import { useModel, useStatus, useTheme } from './workbenchContext.tsx';

function FirstModel() {
  const section = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const element = section.current;
    return () => {
      // The control that was used goes away with this card; the prompt is what comes next.
      if (element?.contains(document.activeElement)) document.getElementById(promptFieldId)?.focus();
    };
  }, []);
  return (
    <section ref={section} className="card wide" aria-labelledby="chooser-title">
      <div className="card-head">
        <h2 id="chooser-title">Choose a model</h2>
        <span className="mute">It runs in this tab, on this machine.</span>
      </div>
      <ModelChooser />
    </section>
  );
}

export function Page() {
  useShortcuts();
  const status = useStatus();
  const theme = useTheme((state) => state.choice);
  const info = useModel((state) => state.info);
  const rack = useMemo(() => (info === null ? null : buildRack(info)), [info]);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return (
    <>
      <a className="skip" href="#main">
        Go to the content
      </a>
      <Header />
      <main className="main" id="main" tabIndex={-1}>
        {info === null && <FirstModel />}
        <ModelNotices />
        <div className="column">
          <PromptCard />
          {rack !== null && <RackCard rack={rack} />}
        </div>
        <div className="column">
          <NextTokens />
          {rack !== null && <Inspector rack={rack} />}
        </div>
      </main>
      <p className="visually-hidden" role="status" aria-live="polite">
        {status}
      </p>
      <ModelDialog />
      <HelpDialog />
      <DropTarget />
    </>
  );
}
