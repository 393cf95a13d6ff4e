// Everything behind the page, put together once: the stores and how one's change moves another. No React here; the
// tests build a workbench over a hand-written engine.

import type { Engine } from '../worker/protocol.ts';
import { createFigureStore, type FigureStore } from './experiment/figureStore.ts';
import { createDeviceStore, type DeviceStore } from './frame/deviceStore.ts';
import type { Memory } from './frame/memory.ts';
import { createPageStore, type PageStore } from './frame/pageStore.ts';
import { createStatusStore, type StatusStore } from './frame/statusStore.ts';
import { createThemeStore, type ThemeStore } from './frame/themeStore.ts';
import { type CacheStore, createCacheStore } from './model/cacheStore.ts';
import { createHubStore, type HubStore } from './model/hubStore.ts';
import { createModelStore, type EmbeddedModel, type ModelStore } from './model/modelStore.ts';
import { createOfflineStore, type OfflineStore } from './offline/offlineStore.ts';
import { createPromptStore, type PromptStore } from './prompt/promptStore.ts';
import { createTokenNamesStore, type TokenNamesStore } from './prompt/tokenNames.ts';
import { createRackStore, type RackStore } from './rack/rackStore.ts';
import { createEstimateStore, type EstimateStore } from './stores/estimate.ts';
import { createGalleryStore, type GalleryStore } from './stores/gallery.ts';
import { createTraceStore, type TraceStore } from './stores/trace.ts';
import type { PageAddress } from './trace/address.ts';
import type { Example } from './trace/examples.ts';
import { followChanges } from './trace/follow.ts';
import { learnFromRuns } from './trace/speed.ts';

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
  readonly trace: TraceStore;
  readonly estimate: EstimateStore;
  readonly figure: FigureStore;
  readonly tokenNames: TokenNamesStore;
  readonly gallery: GalleryStore;
  readonly offline: OfflineStore;
  readonly memory: Memory;
}

/** What a workbench stands in: the worker, the browser, the files beside the page. */
export interface Surroundings {
  readonly engine: Engine;
  readonly embedded: EmbeddedModel;
  readonly memory: Memory;
  readonly address: PageAddress;
  readonly examples: readonly Example[];
  /** Called when a load from the Hub begins. */
  readonly onHubLoad?: () => void;
}

export function createWorkbench(surroundings: Surroundings): Workbench {
  const { engine, embedded, memory, address, examples, onHubLoad = () => {} } = surroundings;
  const model = createModelStore(engine, embedded);
  const cache = createCacheStore(engine);
  const prompt = createPromptStore(engine, () => model.getState().info);
  const rack = createRackStore();
  const page = createPageStore(memory);
  const device = createDeviceStore(engine);
  const trace = createTraceStore(engine, model, prompt);
  const figure = createFigureStore();
  const estimate = createEstimateStore(engine, trace, prompt, model);
  followChanges(trace, prompt, model);
  learnFromRuns(memory, { trace, estimate, device, model });

  void cache.getState().refresh();

  model.subscribe((state, before) => {
    if (before.load.status === 'loading' && state.load.status !== 'loading') void cache.getState().refresh();
    if (state.info !== before.info) {
      rack.setState({ focus: null, preview: null, pinned: null });
      prompt.getState().refresh();
      if (page.getState().dialog === 'model') page.getState().open(null);
    }
    if (before.isEmbeddedServed === null && state.isEmbeddedServed) startUnasked();
  });
  const gallery = createGalleryStore(examples, address, { trace, figure, prompt, model, page });
  gallery.subscribe((state, before) => {
    if (before.isFetching && !state.isFetching) startUnasked();
  });

  let isDecided = false;
  /** The page should say something before anyone has chosen: the embedded model is small. The stored figure is smaller. */
  function startUnasked(): void {
    const { info, load, isEmbeddedServed, startEmbedded } = model.getState();
    if (isDecided || !isEmbeddedServed || gallery.getState().isFetching) return;
    isDecided = true;
    if (info === null && load.status === 'idle') void startEmbedded();
  }

  return {
    device,
    model,
    hub: createHubStore(model, onHubLoad),
    cache,
    prompt,
    rack,
    status: createStatusStore(model, prompt, trace, page),
    theme: createThemeStore(memory),
    page,
    trace,
    estimate,
    figure,
    tokenNames: createTokenNamesStore(engine, model),
    gallery,
    offline: createOfflineStore(),
    memory,
  };
}
