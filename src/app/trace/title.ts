// The title of the page's tab, which is all that is seen of it while another tab is in front: how far a run is, and that it
// is over, until the page has been looked at again. The run itself goes on in a hidden tab.

import type { TraceStore } from '../stores/trace.ts';

/** What of the document this needs. */
export interface TitledPage {
  title: string;
  readonly visibilityState: DocumentVisibilityState;
  readonly addEventListener: (type: 'visibilitychange', listener: () => void) => void;
}

export function followTitle(trace: TraceStore, page: TitledPage): void {
  const plain = page.title;
  const say = (words: string | null) => {
    const title = words === null ? plain : `${words} · ${plain}`;
    if (page.title !== title) page.title = title;
  };
  trace.subscribe(({ run }, { run: before }) => {
    if (run === before) return;
    if (run.status === 'running') {
      const { progress, isQuiet } = run;
      const part = progress?.total ? progress.done / progress.total : 0;
      return say(isQuiet ? null : `${Math.floor(part * 100)} %`);
    }
    const wasWatched = before.status === 'running' && !before.isQuiet;
    if (!wasWatched) return;
    if (page.visibilityState === 'visible') return say(null);
    say(run.status === 'idle' ? 'Trace done' : 'Trace stopped');
  });
  page.addEventListener('visibilitychange', () => {
    if (page.visibilityState === 'visible' && trace.getState().run.status !== 'running') say(null);
  });
}
