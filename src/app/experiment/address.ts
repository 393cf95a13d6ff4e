// The page's address. It names the experiment that is in view as a link, or the page by `#name` where there is nothing to
// keep yet. A link that is opened fills its page; a run is a step in the browser's history; edits after it make one more
// step that the next run takes over.

import type { AnyExperiment } from '../../experiments/kind.ts';
import { messageOf } from '../../messages/wording.ts';
import { isLink, LinkError } from '../../share/link.ts';
import type { PageStore } from '../frame/pageStore.ts';
import type { AnyPage } from './experimentPage.ts';
import { experimentLink, readLink } from './link.ts';

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

export interface AddressEvents {
  /** Whether there is a page of that name, of an experiment or not. */
  readonly isPlace: (name: string) => boolean;
  /** The address is a link that cannot be opened; the sentence says why. */
  readonly onRefuse: (message: string) => void;
  /** A page comes into view for the first time, or is to be as it was then. */
  readonly onFirst: (page: AnyPage) => void;
}

export function followAddress(
  address: PageAddress,
  pages: readonly AnyPage[],
  place: PageStore,
  { isPlace, onRefuse, onFirst }: AddressEvents,
): void {
  const faces = new Map(pages.map(({ name, face }) => [name, face]));
  const nameOf = (name: string) => `#${name}`;
  /** The address of each page that has been in view: its link, or its name while there is nothing to keep. */
  const own = new Map<string, string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the step that is there is one to come back to: a run, or something as it was opened. */
  let isKept = true;
  /** While the address is followed, what changes on the page does not change it. */
  let isFollowing = false;

  function following(act: () => void): void {
    isFollowing = true;
    try {
      act();
    } catch (cause) {
      onRefuse(messageOf(cause));
    } finally {
      isFollowing = false;
    }
  }

  /** @param isAnew the page is to be as it was when it first came into view */
  function go(name: string, isAnew = false): void {
    const page = pages.find((each) => each.name === name);
    place.getState().go(name);
    if (page === undefined || own.has(name)) return;
    own.set(name, nameOf(name));
    // What was opened on it from elsewhere stays: a file, or a sweep of the rack.
    if (!isAnew && !page.isBlank()) return;
    if (page.load === undefined) onFirst(page);
    else void firstOf(page, page.load, isAnew);
  }

  async function firstOf(page: AnyPage, load: () => Promise<void>, isAnew: boolean): Promise<void> {
    try {
      await load();
      if (isAnew || page.isBlank()) following(() => onFirst(page));
    } catch (cause) {
      onRefuse(messageOf(cause));
    }
  }

  async function open(fragment: string): Promise<void> {
    isKept = true;
    try {
      const { name, experiment, view } = await readLink(fragment, faces);
      await pages.find((each) => each.name === name)?.load?.();
      following(() => {
        pages.find((each) => each.name === name)?.openExperiment(experiment, view);
        own.set(name, fragment);
        go(name);
      });
      // What was refused leaves the page as useful as it would be without the link.
      if (!own.has(name)) following(() => go(name));
    } catch (cause) {
      onRefuse(messageOf(cause));
      following(() => go(placeIn('') ?? ''));
    }
  }

  async function write(page: AnyPage, shared: AnyExperiment | null, isStep: boolean): Promise<void> {
    clearTimeout(timer);
    if (shared === null) return;
    const fragment = await experimentLink(
      page.name,
      page.face.brief(shared),
      page.figure.getState().view,
      page.face.look,
    ).catch((cause: unknown) => {
      // What is too large for a link leaves its page's name.
      if (cause instanceof LinkError) return nameOf(page.name);
      throw cause;
    });
    if (fragment !== own.get(page.name)) {
      own.set(page.name, fragment);
      if (place.getState().place !== page.name) return;
      address[isKept ? 'push' : 'replace'](fragment);
      isKept = isStep;
    } else if (isStep) isKept = true;
  }

  for (const page of pages) {
    const edited = () => {
      if (isFollowing || page.store.getState().opened !== null) return;
      clearTimeout(timer);
      timer = setTimeout(() => void write(page, page.shared(), false), replacePauseMs);
    };
    page.figure.subscribe((state, before) => {
      if (state.view !== before.view) edited();
    });
    page.store.subscribe((state, before) => {
      const { run, opened } = state;
      const hasStarted = run.status === 'running' && before.run.status !== 'running' && run.isAsked;
      const isOther = opened !== null && opened.experiment !== before.opened?.experiment;
      if (isOther && !isFollowing) void write(page, opened.experiment, true);
      else if (hasStarted) void write(page, page.shared(), true);
      else if (state.history !== before.history) edited();
    });
  }

  place.subscribe((state, before) => {
    if (state.place === before.place || isFollowing) return;
    clearTimeout(timer);
    following(() => go(state.place));
    address.push(own.get(state.place) ?? nameOf(state.place));
    isKept = true;
  });

  /** The first page is the one without a word in the address. Null for what is no page, such as a place on one. */
  function placeIn(fragment: string): string | null {
    const name = fragment.replace(/^#/, '');
    if (name === '') return pages[0]?.name ?? null;
    return isPlace(name) ? name : null;
  }

  address.onMove(() => {
    const fragment = address.fragment();
    const shown = pages.find(({ name }) => own.get(name) === fragment);
    if (shown) return following(() => go(shown.name));
    if (isLink(fragment)) return void open(fragment);
    const name = placeIn(fragment);
    if (name === null) {
      // A place on the page, such as its content: the browser has gone there, and the address holds the experiment again.
      const { place: current } = place.getState();
      return address.replace(own.get(current) ?? nameOf(current));
    }
    if (own.get(name) !== nameOf(name)) own.delete(name);
    following(() => go(name, true));
  });

  const first = address.fragment();
  if (isLink(first)) void open(first);
  else following(() => go(placeIn(first) ?? placeIn('') ?? ''));
}
