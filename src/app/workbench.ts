// Everything behind the page, put together once: the stores and how one's change moves another. No React here; the
// tests build a workbench over a hand-written engine.

import type { Engine } from '../worker/protocol.ts';
import { type CacheStore, createCacheStore } from './stores/cache.ts';
import { createDeviceStore, type DeviceStore } from './stores/device.ts';
import { createHubStore, type HubStore } from './stores/hub.ts';
import type { Memory } from './stores/memory.ts';
import { createModelStore, type EmbeddedModel, type ModelStore } from './stores/model.ts';
import { createPageStore, type PageStore } from './stores/page.ts';
import { createPromptStore, type PromptStore } from './stores/prompt.ts';
import { createRackStore, type RackStore } from './stores/rack.ts';
import { createStatusStore, type StatusStore } from './stores/status.ts';
import { createThemeStore, type ThemeStore } from './stores/theme.ts';

export interface Workbench {
  readonly device: DeviceStore;
  readonly model: ModelStore;
  readonly hub: HubStore;
  readonly cache: CacheStore;
  readonly prompt: PromptStore;
  readonly rack: RackStore;
  readonly status: StatusStore;
  readonly theme: ThemeStore;
  readonly page: PageStore;
}

/** @param onHubLoad called when a load from the Hub begins */
export function createWorkbench(
  engine: Engine,
  embedded: EmbeddedModel,
  memory: Memory,
  onHubLoad: () => void = () => {},
): Workbench {
  const model = createModelStore(engine, embedded);
  const cache = createCacheStore(engine);
  const prompt = createPromptStore(engine, () => model.getState().info);
  const rack = createRackStore();
  const page = createPageStore(memory);

  void cache.getState().refresh();

  model.subscribe((state, before) => {
    if (before.load.status === 'loading' && state.load.status !== 'loading') void cache.getState().refresh();
    if (state.info !== before.info) {
      rack.setState({ focus: null, preview: null, pinned: null });
      prompt.getState().refresh();
      if (page.getState().dialog === 'model') page.getState().open(null);
    }
    // The page should say something before anyone has chosen: the embedded model is small.
    const isUntouched = state.info === null && state.load.status === 'idle';
    if (before.isEmbeddedServed === null && state.isEmbeddedServed && isUntouched) void state.startEmbedded();
  });

  return {
    device: createDeviceStore(engine),
    model,
    hub: createHubStore(model, onHubLoad),
    cache,
    prompt,
    rack,
    status: createStatusStore(model, prompt),
    theme: createThemeStore(memory),
    page,
  };
}
