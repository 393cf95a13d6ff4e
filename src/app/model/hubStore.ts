// What stands in the form of the Hub, and the loads that start from it, from the list of known models and from that of
// kept ones. It outlives the dialog. The access token is held here and in the engine while its model is in use, and is
// written nowhere.

import { createStore, type StoreApi } from 'zustand/vanilla';
import {
  defaultHubUrl,
  defaultRevision,
  type HubAddress,
  type HubFields,
  readHubAddress,
} from './hubAddress.ts';
import type { ModelStore, Origin } from './modelStore.ts';

export interface HubState {
  readonly fields: HubFields;
  readonly accessToken: string;
  readonly write: (fields: Partial<HubFields>) => void;
  readonly setAccessToken: (token: string) => void;
  /** Load what stands in the form, or say what is wrong with it. */
  readonly submit: () => void;
  /** Load from a place that is known to be one. */
  readonly load: (origin: Origin, label: string, address: HubAddress) => void;
}

export type HubStore = StoreApi<HubState>;

const emptyFields: HubFields = { repository: '', revision: defaultRevision, hubUrl: defaultHubUrl, file: '' };

/** @param onLoad called when a load from the Hub begins */
export function createHubStore(model: ModelStore, onLoad: () => void): HubStore {
  return createStore<HubState>((set, get) => ({
    fields: emptyFields,
    accessToken: '',

    write: (change) => set({ fields: { ...get().fields, ...change } }),
    setAccessToken: (accessToken) => set({ accessToken }),

    submit: () => {
      const { fields } = get();
      const read = readHubAddress(fields);
      if (!read.ok) {
        model.getState().refuse('hub', fields.repository.trim() || 'The Hub model', read.message);
        return;
      }
      set({ fields: { file: '', ...read.address } });
      get().load('hub', read.address.repository, read.address);
    },

    load: (origin, label, address) => {
      const accessToken = get().accessToken.trim();
      onLoad();
      void model
        .getState()
        .start(origin, label, { kind: 'hub', ...address, ...(accessToken === '' ? {} : { accessToken }) });
    },
  }));
}
