// The engine that the page talks to: one device, one model at a time. A failed load keeps the choice of the model that
// was there; a lost device is opened again for the next call, and so is a model that had to make room or was lost with it.

import type { ModelCache } from '../checkpoint/cache/modelCache.ts';
import type { Checkpoint, Tokenizer } from '../checkpoint/checkpoint.ts';
import { nextLogits, topCandidates } from '../experiments/predict.ts';
import { rehearse } from '../experiments/rehearse.ts';
import { watchedPosition } from '../experiments/watched.ts';
import type { ImportedStructure } from '../imported/describe.ts';
import { quoted, reasonOf } from '../messages/wording.ts';
import { type Backend, DeviceLostError, OutOfMemoryError } from '../runtime/backends/backend.ts';
import type { HearSilence } from '../runtime/backends/gpuWatch.ts';
import { defaultWeightBytes } from '../runtime/load.ts';
import { Model } from '../runtime/model.ts';
import { recovering } from '../runtime/recovering.ts';
import { lessRoom, type Room, wholeRoom } from '../runtime/weights/room.ts';
import { alignLearned, alignOwnAnswers, alignTask } from './aligning.ts';
import { classReader } from './classReader.ts';
import type { ChosenDevice } from './device.ts';
import { generateInSteps, type RenderChat, writtenChat } from './generating.ts';
import { heardBy, modelInfo } from './modelInfo.ts';
import { onnxOf } from './onnxFiles.ts';
import { openSource } from './openSource.ts';
import { estimateSockets, intervene, meanActivation } from './patching.ts';
import { promptTokens, tokenInfo, writtenFrom } from './promptTokens.ts';
import type { CacheInfo, CallOptions, DeviceInfo, Engine, ModelSource, Prediction } from './protocol.ts';
import { renderInWorker } from './renderInWorker.ts';
import { estimateOf, runExperiment } from './running.ts';

interface Loaded {
  readonly source: ModelSource;
  readonly checkpoint: Checkpoint;
  readonly tokenizer: Tokenizer;
  readonly model: Model;
  /** Of a decoder whose prompt is what it has written beside a picture or a sound. */
  readonly startToken?: number | undefined;
  /** What a person should know of the load. */
  readonly notices: readonly string[];
  /** Of a model brought as ONNX. */
  readonly structure?: ImportedStructure;
}

/** A model that is chosen and not in memory: what names it, and what reads its prompts, outlive its weights. */
type SetAside = Pick<Loaded, 'source' | 'tokenizer' | 'startToken'> & { readonly label: string };

export interface EngineOptions {
  /** Keeps what is fetched from servers; without it nothing is kept. */
  readonly cache?: ModelCache | undefined;
  /** Bytes that weights may take while nothing runs; the runtime's default when it is not known. */
  readonly weightBytes?: number | undefined;
  /** Writes chats down; default in a worker that is ended with its deadline. */
  readonly renderChat?: RenderChat;
}

/** No model has been loaded yet, or loading it failed. */
export class NoModelError extends Error {
  override readonly name = 'NoModelError';
}

const defaultCandidates = 10;

/** Messages about the bytes of one load, at most, and the bytes they are dealt out over until the sum is known. */
const progressSteps = 200;
const smallestTotal = 8 * 2 ** 20;

export function createEngine(
  device: Promise<ChosenDevice>,
  { cache, weightBytes = defaultWeightBytes, renderChat: render = renderInWorker }: EngineOptions = {},
): Engine {
  let opened: Promise<Backend> | undefined;
  let loaded: Loaded | undefined;
  let setAside: SetAside | undefined;
  /** Calls that use the model run one after another: the device is one. */
  let turn: Promise<unknown> = Promise.resolve();
  /** What the chosen model asks of a device that had no room for more. */
  let room = wholeRoom;
  /** The call that is being worked at. */
  let inCharge: CallOptions = {};

  /** It goes on waiting until it is cancelled. */
  const hearSilence: HearSilence = (note, stop) => {
    const { signal, onProgress } = inCharge;
    onProgress?.({ stage: 'Waiting for the GPU', done: 0, total: null, unit: 'layer-passes', note });
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  };

  const backend = async (): Promise<Backend> => {
    opened ??= device.then((chosen) => chosen.open(hearSilence));
    try {
      return await opened;
    } catch (error) {
      opened = undefined;
      throw error;
    }
  };

  function inTurn<T>(options: CallOptions, work: () => Promise<T>): Promise<T> {
    const result = turn.then(() => {
      options.signal?.throwIfAborted();
      inCharge = options;
      return work();
    });
    turn = result.catch(() => undefined);
    return result;
  }

  /** What reads prompts, which needs no device. */
  const currentReader = (): Pick<Loaded, 'tokenizer' | 'startToken'> => {
    const chosen = loaded ?? setAside;
    if (!chosen) throw new NoModelError('No model is loaded. Choose one first.');
    return chosen;
  };

  /** The chosen model, loaded again from where it came when it is not in memory. */
  async function current(options: CallOptions): Promise<Loaded> {
    if (loaded) return loaded;
    if (!setAside) throw new NoModelError('No model is loaded. Choose one first.');
    const { source, label } = setAside;
    try {
      loaded = await load(source, options, room);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof DeviceLostError || error instanceof OutOfMemoryError) throw error;
      throw new NoModelError(
        `${quoted(label)} is no longer in memory and could not be loaded again: ${reasonOf(error)} ` +
          'It stays chosen: try again, or choose another model.',
        { cause: error },
      );
    }
    setAside = undefined;
    return loaded;
  }

  async function load(source: ModelSource, callOptions: CallOptions, room: Room): Promise<Loaded> {
    const { signal, onProgress } = callOptions;
    const onnx = onnxOf(source);
    if (onnx) {
      const { openImported } = await import('./importing.ts');
      const caching = onnx.kind === 'hub' ? cache?.startLoad() : undefined;
      const options = { ...callOptions, cache: caching, makeRoom };
      return { source, ...(await openImported(onnx, await backend(), options)) };
    }
    const report = (done: number, total: number | null) =>
      onProgress?.({ stage: 'Reading weights', done, total, unit: 'bytes' });
    const caching = cache?.startLoad();
    // The device opens while the weights arrive. What goes wrong with it is thrown below, where it is awaited.
    backend().catch(() => undefined);
    /** Bytes that came over the network or from a disk, read for weights or for what stands before them. */
    let arrived = 0;
    let read = 0;
    let total: number | null = null;
    let told = 0;
    let isLoading = true;
    const tell = () => {
      // What has arrived runs ahead of what has been read, by the rest of a piece or of a large tensor.
      const done = total === null ? arrived : Math.min(total, Math.max(read, arrived));
      // Bytes come in thousands of packets, and weights that are streamed come after the load as well.
      const isWorthIt = done === total || done - told >= (total ?? smallestTotal) / progressSteps;
      if (!isLoading || !isWorthIt) return;
      told = done;
      report(done, total);
    };
    const checkpoint = await openSource(
      source,
      signal,
      (bytes) => {
        arrived += bytes;
        tell();
      },
      caching,
    );
    try {
      const tokenizer = await checkpoint.tokenizer(signal).catch((cause) => classReader(checkpoint, cause));
      const device = await backend();
      const model = await Model.load(checkpoint, device, {
        ...(signal ? { signal } : {}),
        ...(device.kind === 'webgpu' ? { rehearse } : {}),
        weightBytes,
        room,
        makeRoom,
        onBytes: (done, all) => {
          read = done;
          if (total === null) report(Math.min(all, arrived), all);
          total = all;
          tell();
        },
      });
      isLoading = false;
      try {
        await caching?.finish(model.residency !== 'streamed');
      } catch (error) {
        await model.dispose();
        throw error;
      }
      return {
        source,
        checkpoint,
        tokenizer,
        model,
        startToken: writtenFrom(model.architecture),
        notices: [...(caching?.notices ?? []), ...model.notices, ...model.room.notices],
      };
    } catch (error) {
      await checkpoint.close();
      throw error;
    }
  }

  async function unload({ model, checkpoint }: Loaded): Promise<void> {
    await model.dispose();
    await checkpoint.close();
  }

  /** Let the weights of the current model go and keep the choice of it: the next call that needs it loads it again. */
  async function putAside(): Promise<void> {
    if (!loaded) return;
    const { source, tokenizer, startToken, checkpoint } = loaded;
    const gone = loaded;
    setAside = { source, tokenizer, startToken, label: checkpoint.label };
    loaded = undefined;
    await unload(gone);
  }

  /** The next model may be placed as if it were alone, so the one before stays only while both fit. */
  async function makeRoom(nextBytes: number): Promise<void> {
    if (loaded && loaded.model.heldBytes + nextBytes > weightBytes) await putAside();
  }

  /** Drop the device, and with it the model. The next call opens another. */
  async function reset(): Promise<void> {
    const device = opened;
    opened = undefined;
    try {
      await putAside();
    } finally {
      if (device) await (await device).close();
    }
  }

  /** Work on the current model. */
  const withModel = <T>(options: CallOptions, work: (current: Loaded) => Promise<T>): Promise<T> =>
    inTurn(options, () =>
      recovering(
        { ...options, reset },
        async () => work(await current(options)),
        (error) => {
          const next = lessRoom(room, error, loaded?.model);
          room = next ?? room;
          return next !== undefined;
        },
      ),
    );

  async function cacheInfo(): Promise<CacheInfo> {
    const models = (await cache?.models()) ?? [];
    return {
      isAvailable: cache !== undefined,
      models,
      sizeBytes: models.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
  }

  return {
    device: async (): Promise<DeviceInfo> => (await device).info,

    loadModel: (source, options = {}) =>
      inTurn(options, async () => {
        // What the GPU refuses is told once, to whoever works there: it may be a weight of the next one.
        await loaded?.model.rehearsal.end();
        let asked: Room | undefined = wholeRoom;
        const next = await recovering(
          { ...options, reset },
          () => load(source, options, asked ?? wholeRoom),
          (error) => {
            // What the model before takes, which goes with the device, may be what was missing.
            if (loaded) return true;
            asked = lessRoom(asked ?? wholeRoom, error);
            return asked !== undefined;
          },
        );
        const previous = loaded;
        room = next.model.room;
        loaded = next;
        setAside = undefined;
        if (previous) await unload(previous);
        // Without it a picture is refused when one is given, with the reason.
        const preprocessor = await next.checkpoint.preprocessor?.(options.signal).catch(() => undefined);
        return modelInfo({
          ...next,
          preprocessor,
          ...(await heardBy(next.model.architecture, preprocessor)),
        });
      }),

    tokenize: async (text) => promptTokens(currentReader(), text),

    predict: (text, options = {}) =>
      withModel(options, async ({ tokenizer, model }): Promise<Prediction> => {
        const ids = tokenizer.encode(text);
        const started = performance.now();
        const logits = await nextLogits(model, ids, {
          ...(options.signal ? { signal: options.signal } : {}),
          ...(ids.length > 0 ? { position: watchedPosition(model.architecture, ids, tokenizer) } : {}),
          onProgress: (done, total) =>
            options.onProgress?.({ stage: 'Running the prompt', done, total, unit: 'layer-passes' }),
        });
        const elapsedMs = performance.now() - started;
        const candidates = topCandidates(logits, options.count ?? defaultCandidates).map(
          ({ id, logit, probability }) => ({ ...tokenInfo(tokenizer, id), logit, probability }),
        );
        return { tokens: promptTokens({ tokenizer }, text), candidates, elapsedMs };
      }),

    describeTokens: async (ids) => {
      const { tokenizer } = currentReader();
      return ids.map((id) => tokenInfo(tokenizer, id));
    },

    estimate: async (experiment) =>
      // Does not wait for what runs, unless the model has to be loaded for it.
      estimateOf(experiment, loaded ?? (await withModel({}, async (inUse) => inUse)), render),

    run: (experiment, options = {}) =>
      runExperiment(experiment, options, render, (work, isLast) => {
        if (!isLast) return withModel(options, work);
        // A model that was set aside is not loaded again for a run that has ended with it.
        return loaded ? withModel({}, work) : Promise.reject(new NoModelError('The model was set aside.'));
      }),

    intervene: (experiment, options = {}) =>
      withModel(options, (inUse) => intervene(experiment, options, inUse)),

    estimateSockets: (request, options = {}) =>
      withModel(options, (inUse) => estimateSockets(request, options, inUse)),

    meanActivation: (request, options = {}) =>
      withModel(options, (inUse) => meanActivation(request, options, inUse)),

    // No device is needed, so that typing is answered while something runs.
    alignTask: async (request, options = {}) =>
      alignTask(request, options, loaded ?? (await withModel(options, async (inUse) => inUse))),

    alignOwnAnswers: (request, options = {}) =>
      withModel(options, (inUse) => alignOwnAnswers(request, options, inUse)),

    alignLearned: (request, options = {}) =>
      withModel(options, (inUse) => alignLearned(request, options, inUse)),

    finetuneExamples: async (request, options = {}) => {
      const { model, tokenizer } = loaded ?? (await withModel(options, async (inUse) => inUse));
      const { describeExamples } = await import('../experiments/finetune/described.ts');
      return describeExamples(model.architecture, tokenizer, request);
    },

    finetuneFill: (request, options = {}) =>
      withModel(options, async ({ model, tokenizer, checkpoint }) => {
        const { filledTwice } = await import('../experiments/finetune/filled.ts');
        return filledTwice(model, tokenizer, request, {
          signal: options.signal,
          preprocessor: async () => checkpoint.preprocessor?.(options.signal),
        });
      }),

    generate: (request, options = {}) =>
      generateInSteps(request, options, render, (work) => withModel(options, work)),

    writeChat: (chat) => withModel({}, (inUse) => writtenChat(inUse, chat, render)),

    cache: cacheInfo,

    forget: async (label) => {
      if (label === null) await cache?.forgetAll();
      else await cache?.forget(label);
      return cacheInfo();
    },
  };
}
