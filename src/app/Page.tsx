// The frame: header, the page that is in view, and what can open over it.

import { useEffect } from 'react';
import { Header } from './frame/Header.tsx';
import { HelpDialog } from './frame/HelpDialog.tsx';
import { useShortcuts } from './frame/useShortcuts.ts';
import { ModelPage } from './ModelPage.tsx';
import { DropTarget } from './model/DropTarget.tsx';
import { ModelDialog } from './model/ModelDialog.tsx';
import { ModelNotices } from './model/ModelNotices.tsx';
import { TracePage } from './trace/TracePage.tsx';
import { usePage, useStatus, useTheme } from './workbenchContext.tsx';

export function Page() {
  useShortcuts();
  const status = useStatus();
  const theme = useTheme((state) => state.choice);
  const place = usePage((state) => state.place);
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
        <ModelNotices />
        {place === 'trace' ? <TracePage /> : <ModelPage />}
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
