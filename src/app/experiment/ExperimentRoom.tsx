// The room that every page of an experiment is in: what came of opening something, a model to choose where there is none, and
// a question before a tab goes whose run would be lost.

import { lazy, type ReactNode, Suspense, use, useEffect } from 'react';
import { useModel } from '../workbenchContext.tsx';
import type { AnyPage } from './experimentPage.ts';
import { OpenedNotices } from './OpenedNotices.tsx';
import { PageTabs } from './PageTabs.tsx';
import { PageProvider, useAnyPage, useAnyState } from './pageContext.tsx';

/** Most visits begin with the embedded model, and never see it. */
const FirstModel = lazy(async () => ({ default: (await import('../model/FirstModel.tsx')).FirstModel }));

function useLeaveWarning(): void {
  const { store, face } = useAnyPage();
  const isRunning = useAnyState(({ run }) => run.status === 'running' && !run.isQuiet);
  useEffect(() => {
    if (!isRunning) return;
    const onLeave = (event: BeforeUnloadEvent) => {
      const { shown } = store.getState();
      if (shown !== null && !face.kind.isComplete(shown.result)) event.preventDefault();
    };
    window.addEventListener('beforeunload', onLeave);
    return () => window.removeEventListener('beforeunload', onLeave);
  }, [isRunning, store, face]);
}

function Room({ children }: { readonly children: ReactNode }) {
  useLeaveWarning();
  const isModelless = useModel((state) => state.info === null);
  // The embedded model is on its way by itself; the chooser stands in when it is not.
  const needsChoice = useModel((state) => state.isEmbeddedServed === false || state.load.status === 'failed');
  return (
    <>
      <PageTabs />
      <OpenedNotices />
      {isModelless && needsChoice && (
        <Suspense fallback={null}>
          <FirstModel />
        </Suspense>
      )}
      {children}
    </>
  );
}

interface ExperimentRoomProps {
  readonly page: AnyPage;
  /** What the kind itself shows. */
  readonly children: ReactNode;
}

/** What is shown while the page is fetched is the frame's. */
function Fetched({ page, children }: ExperimentRoomProps) {
  if (page.load !== undefined) use(page.load());
  return children;
}

export function ExperimentRoom({ page, children }: ExperimentRoomProps) {
  return (
    <PageProvider value={page}>
      <Fetched page={page}>
        <Room>{children}</Room>
      </Fetched>
    </PageProvider>
  );
}
