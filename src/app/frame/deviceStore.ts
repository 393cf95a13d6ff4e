// What the engine runs on, asked once when the page opens.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { messageOf } from '../../messages/wording.ts';
import type { DeviceInfo, Engine } from '../../worker/protocol.ts';

export type DeviceState =
  | { readonly status: 'asking' }
  | { readonly status: 'ready'; readonly info: DeviceInfo }
  | { readonly status: 'failed'; readonly message: string };

export type DeviceStore = StoreApi<DeviceState>;

export function createDeviceStore(engine: Engine): DeviceStore {
  const store = createStore<DeviceState>(() => ({ status: 'asking' }));
  engine.device().then(
    (info) => store.setState({ status: 'ready', info }, true),
    (cause: unknown) => store.setState({ status: 'failed', message: messageOf(cause) }, true),
  );
  return store;
}
