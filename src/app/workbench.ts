// Everything behind the page, put together once: the stores, the pages of experiments, and how one's change moves another. No
// React here; the tests build a workbench over a hand-written engine.

import type { Engine } from '../worker/protocol.ts';
import { alignFace } from './align/face.ts';
import { followAddress, type PageAddress } from './experiment/address.ts';
import { type AnyPage, createExperimentPage, type ExperimentPage } from './experiment/experimentPage.ts';
import { noKeeper, type ResultKeeper } from './experiment/keptResults.ts';
import { createLatePage } from './experiment/latePage.ts';
import { createOpeningStore, type OpeningStore } from './experiment/opening.ts';
import { createRunDesk, type RunDesk } from './experiment/runDesk.ts';
import { learnFromRuns } from './experiment/speed.ts';
import { finetuneFace } from './finetune/face.ts';
import { createDeviceStore, type DeviceStore } from './frame/deviceStore.ts';
import type { Memory } from './frame/memory.ts';
import { createPageStore, modelPlace, type PageStore } from './frame/pageStore.ts';
import { createStatusStore, type StatusStore } from './frame/statusStore.ts';
import { createThemeStore, type ThemeStore } from './frame/themeStore.ts';
import { type CacheStore, createCacheStore } from './model/cacheStore.ts';
import { createHubStore, type HubStore } from './model/hubStore.ts';
import { createModelStore, type EmbeddedModel, type ModelStore } from './model/modelStore.ts';
import { createOfflineStore, type OfflineStore } from './offline/offlineStore.ts';
import { patchExamples } from './patch/examples.ts';
import { patchPage } from './patch/page.ts';
import { examplePrompts, type PromptStore } from './prompt/promptStore.ts';
import { createTokenNamesStore, type TokenNamesStore } from './prompt/tokenNames.ts';
import { createRackStore, type RackStore } from './rack/rackStore.ts';
import { steerExamples } from './steer/examples.ts';
import { steerPage } from './steer/page.ts';
import { attributeExamples, pathExamples, patchExamples as sweepExamples } from './sweep/examples.ts';
import { attributionPage, patchSweepPage, pathSweepPage } from './sweep/page.ts';
import { tensorsFace } from './tensors/face.ts';
import type { TraceTypes } from './trace/hooks.ts';
import { type TraceExample, tracePage } from './trace/page.ts';

export interface Workbench {
  /** For pages that are loaded when they are first looked at, with what they keep. */
  readonly engine: Engine;
  readonly device: DeviceStore;
  readonly model: ModelStore;
  readonly hub: HubStore;
  readonly cache: CacheStore;
  /** What the model makes of the prompt that the Model page shows, which is that of the Trace page. */
  readonly prompt: PromptStore;
  readonly setPrompt: (text: string) => void;
  readonly rack: RackStore;
  readonly status: StatusStore;
  readonly theme: ThemeStore;
  readonly page: PageStore;
  readonly trace: ExperimentPage<TraceTypes>;
  /** The pages of experiments, in the order of the header. */
  readonly pages: readonly AnyPage[];
  readonly desk: RunDesk;
  readonly opening: OpeningStore;
  readonly tokenNames: TokenNamesStore;
  readonly offline: OfflineStore;
  readonly memory: Memory;
}

/** What a workbench stands in: the worker, the browser, the files beside the page. */
export interface Surroundings {
  readonly engine: Engine;
  readonly embedded: EmbeddedModel;
  readonly memory: Memory;
  readonly address: PageAddress;
  readonly examples: readonly TraceExample[];
  /** Where finished runs outlive the page; default nowhere. */
  readonly keeper?: ResultKeeper;
  /** Called when a load from the Hub begins. */
  readonly onHubLoad?: () => void;
}

export function createWorkbench(surroundings: Surroundings): Workbench {
  const {
    engine,
    embedded,
    memory,
    address,
    examples,
    keeper = noKeeper,
    onHubLoad = () => {},
  } = surroundings;
  const model = createModelStore(engine, embedded);
  const cache = createCacheStore(engine);
  const rack = createRackStore();
  const page = createPageStore(memory);
  const device = createDeviceStore(engine);
  const desk = createRunDesk();
  const trace = createExperimentPage(tracePage(examples), { engine, model, desk, keeper });
  // A page is mounted by a line here; see docs/page.md.
  const patch = createExperimentPage(patchPage(patchExamples), { engine, model, desk, keeper });
  const services = { engine, model, desk, keeper };
  const sweeps: readonly AnyPage[] = [
    createExperimentPage(patchSweepPage(sweepExamples), services),
    createExperimentPage(pathSweepPage(pathExamples), services),
    createExperimentPage(attributionPage(attributeExamples), services),
  ];
  const align = createLatePage(alignFace, async (figure) => {
    const { mountAlign } = await import('./align/mount.ts');
    return mountAlign(services, figure);
  });
  const tensors = createLatePage(tensorsFace, async (figure) => {
    const { mountTensors } = await import('./tensors/mount.ts');
    return mountTensors(services, figure);
  });
  const finetune = createLatePage(finetuneFace, async (figure) => {
    const { mountFinetune } = await import('./finetune/mount.ts');
    return mountFinetune(services, figure);
  });
  const steer = createExperimentPage(steerPage(steerExamples), services);
  const pages: readonly AnyPage[] = [trace, patch, ...sweeps, tensors, align, finetune, steer];
  const opening = createOpeningStore(pages, page);
  const prompt = trace.prompts()[0];
  if (prompt === undefined) throw new Error('The Trace page has no prompt.');

  for (const each of pages)
    learnFromRuns(memory, each, () => {
      const on = device.getState();
      return on.status === 'ready' ? on.info : null;
    });
  void cache.getState().refresh();

  // What the browser keeps, and sockets that are looked at, belong to the model that has gone or come: nothing derives them.
  let isDialogs = false;
  let isUnasked = false;
  model.subscribe((state, before) => {
    const { load } = state;
    // Another load may have been on its way: one that begins is one without progress yet.
    const hasBegun = load !== before.load && load.status === 'loading' && load.progress === null;
    if (hasBegun) isDialogs = !isUnasked && page.getState().dialog === 'model';
    if (before.load.status === 'loading' && load.status !== 'loading') void cache.getState().refresh();
    if (state.info !== before.info) {
      rack.setState({ focus: null, preview: null, pinned: null });
      // The dialog closes with a load that was started in it, and with no other.
      if (page.getState().dialog === 'model' && isDialogs) page.getState().open(null);
    }
  });

  followAddress(address, pages, page, {
    isPlace: (name) => name === modelPlace || pages.some((each) => each.name === name),
    onRefuse: (message) => opening.getState().refuse('link', message),
    onFirst: (each) => {
      const [first] = each.face.examples;
      if (first) each.openExample(first.name);
      else if (each === trace) each.setPrompt(0, examplePrompts[0] ?? '');
    },
  });

  // The page should say something before anyone has chosen: the embedded model is small. The stored figure is smaller, and
  // comes first.
  let isDecided = false;
  function startUnasked(): void {
    const { info, load, isEmbeddedServed, startEmbedded } = model.getState();
    const isFetching = pages.some((each) => each.store.getState().opened?.isFetching === true);
    if (isDecided || !isEmbeddedServed || isFetching) return;
    isDecided = true;
    // It begins at once, perhaps under a dialog that a person has opened already.
    isUnasked = true;
    if (info === null && load.status === 'idle') void startEmbedded();
    isUnasked = false;
  }
  model.subscribe(startUnasked);
  for (const each of pages) each.store.subscribe(startUnasked);

  return {
    engine,
    device,
    model,
    hub: createHubStore(model, onHubLoad),
    cache,
    prompt,
    setPrompt: (text) => trace.setPrompt(0, text),
    rack,
    status: createStatusStore(model, prompt, pages, page),
    theme: createThemeStore(memory),
    page,
    trace,
    pages,
    desk,
    opening,
    tokenNames: createTokenNamesStore(engine, model),
    offline: createOfflineStore(),
    memory,
  };
}
