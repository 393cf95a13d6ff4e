// Which socket of the rack is looked at: pinned by a click or Enter, else the one under the pointer or the focus.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { type Site, sameSite } from './sites.ts';

export interface RackState {
  /** Where the keyboard is: the rack's one tab stop. Null stands for the first socket. */
  readonly focus: Site | null;
  readonly preview: Site | null;
  readonly pinned: Site | null;
  readonly look: (site: Site) => void;
  /** The pointer or the focus has left the rack. */
  readonly leave: () => void;
  readonly moveFocus: (site: Site) => void;
  readonly togglePin: (site: Site) => void;
  readonly clear: () => void;
}

export type RackStore = StoreApi<RackState>;

export function createRackStore(): RackStore {
  return createStore<RackState>((set, get) => ({
    focus: null,
    preview: null,
    pinned: null,
    look: (site) => {
      if (!sameSite(get().preview, site)) set({ preview: site });
    },
    // With nothing pinned the last socket stays in view: the way to the inspector would else empty it.
    leave: () => {
      if (get().pinned !== null) set({ preview: null });
    },
    moveFocus: (site) => set({ focus: site, preview: site }),
    togglePin: (site) =>
      set({ focus: site, preview: null, pinned: sameSite(get().pinned, site) ? null : site }),
    clear: () => set({ preview: null, pinned: null }),
  }));
}

/** The socket that the inspector and the cables show. */
export const shownSite = ({ preview, pinned }: RackState): Site | null => preview ?? pinned;
