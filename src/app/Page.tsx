// The frame: header, the page that is in view, and what can open over it.

import { type ComponentType, lazy, Suspense, useEffect, useState } from 'react';
import { ExperimentRoom } from './experiment/ExperimentRoom.tsx';
import { Header } from './frame/Header.tsx';
import { useShortcuts } from './frame/useShortcuts.ts';
import { DropTarget } from './model/DropTarget.tsx';
import { ModelNotices } from './model/ModelNotices.tsx';
import { TracePage } from './trace/TracePage.tsx';
import { usePage, useStatus, useTheme, useWorkbench } from './workbenchContext.tsx';

/** What is not in view when the page opens comes when it is asked for. */
const Dialogs = lazy(() => import('./Dialogs.tsx'));
const ModelPage = lazy(async () => ({ default: (await import('./ModelPage.tsx')).ModelPage }));

const SweepPage = lazy(() => import('./sweep/SweepPage.tsx'));

/** What each kind of experiment shows in its room, by its name. */
const ownPages: Readonly<Record<string, ComponentType>> = {
  trace: TracePage,
  // Loaded when it is first looked at, so that the first visit stays light.
  intervene: lazy(() => import('./patch/PatchPage.tsx')),
  patch: SweepPage,
  path: SweepPage,
  attribute: SweepPage,
  align: lazy(() => import('./align/AlignPage.tsx')),
  finetune: lazy(() => import('./finetune/FinetunePage.tsx')),
  tensors: lazy(() => import('./tensors/TensorsPage.tsx')),
  steer: lazy(() => import('./steer/SteerPage.tsx')),
};

/** The dialogs, from the first time on that one is opened: what closes has an end that must be seen. */
function OpenedDialogs() {
  const isOpen = usePage((state) => state.dialog !== null);
  const [wasOpened, setWasOpened] = useState(false);
  if (isOpen && !wasOpened) setWasOpened(true);
  return wasOpened ? (
    <Suspense fallback={null}>
      <Dialogs />
    </Suspense>
  ) : null;
}

export function Page() {
  useShortcuts();
  const status = useStatus();
  const theme = useTheme((state) => state.choice);
  const place = usePage((state) => state.place);
  const page = useWorkbench().pages.find(({ name }) => name === place);
  const Own = page && ownPages[page.name];
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
        <Suspense fallback={<p className="mute">Opening the page.</p>}>
          {page === undefined || Own === undefined ? (
            <ModelPage />
          ) : (
            <ExperimentRoom key={page.name} page={page}>
              <Own />
            </ExperimentRoom>
          )}
        </Suspense>
      </main>
      <p className="visually-hidden" role="status" aria-live="polite">
        {status}
      </p>
      <OpenedDialogs />
      <DropTarget />
    </>
  );
}
