// The page's address and the trace: a link that is opened fills the page and runs, a run is a step in the history, edits
// after it make one more step that the next run takes over. The address is left alone until there is something to keep.

import { isLink } from '../../share/link.ts';
import type { FigureStore } from '../experiment/figureStore.ts';
import type { ModelStore } from '../model/modelStore.ts';
import type { PromptStore } from '../prompt/promptStore.ts';
import type { TraceStore } from '../stores/trace.ts';
import { readTraceLink, type SharedTrace, traceLink } from './link.ts';

/** What of the window this needs; the tests give a small one. */
export interface PageAddress {
  readonly fragment: () => string;
  readonly push: (fragment: string) => void;
  readonly replace: (fragment: string) => void;
  readonly onMove: (listener: () => void) => void;
}

const replacePauseMs = 400;

export function windowAddress(): PageAddress {
  return {
    fragment: () => window.location.hash,
    push: (fragment) => window.history.pushState(null, '', fragment),
    replace: (fragment) => window.history.replaceState(null, '', fragment),
    onMove: (listener) => {
      window.addEventListener('popstate', listener);
      window.addEventListener('hashchange', listener);
    },
  };
}

interface Stores {
  readonly trace: TraceStore;
  readonly figure: FigureStore;
  readonly prompt: PromptStore;
  readonly model: ModelStore;
}

export interface AddressEvents {
  /** The address is a link, and this is in it. */
  readonly onOpen: (shared: SharedTrace) => void;
  /** The address is a link that cannot be read; the sentence says why. */
  readonly onRefuse: (message: string) => void;
}

/** @returns whether the page was opened by a link */
export function followAddress(
  address: PageAddress,
  { trace, figure, prompt, model }: Stores,
  { onOpen, onRefuse }: AddressEvents,
): boolean {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = '';
  /** Whether the step that is there is one to come back to: a run, or the page as it was opened. */
  let isKept = true;
  /** While a link is put into the page its changes are not edits. */
  let isOpening = false;

  async function open(fragment: string): Promise<void> {
    last = fragment;
    isKept = true;
    try {
      const shared = await readTraceLink(fragment);
      isOpening = true;
      onOpen(shared);
    } catch (cause) {
      onRefuse(cause instanceof Error ? cause.message : String(cause));
    } finally {
      isOpening = false;
    }
  }

  async function write(isRun: boolean): Promise<void> {
    clearTimeout(timer);
    const { experiment } = trace.getState().draft();
    // Before the model is there its tokens, and so the subject, are not known for sure.
    if (experiment === null || model.getState().info === null) return;
    const fragment = await traceLink({ experiment, view: figure.getState().view });
    if (fragment !== last) {
      last = fragment;
      address[isKept ? 'push' : 'replace'](fragment);
      isKept = isRun;
    } else if (isRun) isKept = true;
  }

  const edited = () => {
    if (isOpening || trace.getState().pending !== null) return;
    clearTimeout(timer);
    timer = setTimeout(() => void write(false), replacePauseMs);
  };

  prompt.subscribe((state, before) => {
    if (state.text !== before.text) edited();
  });
  figure.subscribe((state, before) => {
    if (state.view !== before.view) edited();
  });
  trace.subscribe((state, before) => {
    const { run } = state;
    const hasStarted = run.status === 'running' && before.run.status !== 'running' && run.isAsked;
    if (hasStarted) void write(true);
    // A guess that follows the tokens is no edit.
    else if (state.inputs !== before.inputs && before.pending === null && before.inputs.subject !== null)
      edited();
  });
  address.onMove(() => {
    const fragment = address.fragment();
    if (fragment !== last && isLink(fragment)) void open(fragment);
  });

  const first = address.fragment();
  if (!isLink(first)) return false;
  void open(first);
  return true;
}
