// The title of the browser's tab, which is all that is seen of it while another tab is in front: how far a run is, and that it
// is over, until the page has been looked at again. The run itself goes on in a hidden tab.

import type { AnyPage } from './experimentPage.ts';

/** What of the document this needs. */
export interface TitledPage {
  title: string;
  readonly visibilityState: DocumentVisibilityState;
  readonly addEventListener: (type: 'visibilitychange', listener: () => void) => void;
}

export function followTitle(pages: readonly AnyPage[], page: TitledPage): void {
  const plain = page.title;
  const say = (words: string | null) => {
    const title = words === null ? plain : `${words} · ${plain}`;
    if (page.title !== title) page.title = title;
  };
  for (const { face, store } of pages) {
    store.subscribe(({ run }, { run: before }) => {
      if (run === before) return;
      if (run.status === 'running') {
        const { progress, isQuiet } = run;
        const part = progress?.total ? progress.done / progress.total : 0;
        return say(isQuiet ? null : `${Math.floor(part * 100)} %`);
      }
      const wasWatched = before.status === 'running' && !before.isQuiet;
      if (!wasWatched) return;
      if (page.visibilityState === 'visible') return say(null);
      say(`${face.title} ${run.status === 'idle' ? 'done' : 'stopped'}`);
    });
  }
  page.addEventListener('visibilitychange', () => {
    const isRunning = pages.some(({ store }) => store.getState().run.status === 'running');
    if (page.visibilityState === 'visible' && !isRunning) say(null);
  });
}
