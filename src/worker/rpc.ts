// Messages between the page and the engine's worker: what each call is given and returns, and the worker's side of
// the port. A call is one message with an id; progress, parts of its result and one reply come back under that id; a
// cancel message carries the id of the call to stop. Nothing here knows models or React; the page's side is client.ts.

import type { LearnedRequest, LearnedSite } from '../experiments/align/learned.ts';
import type { AlignTask, AlignTaskRequest, OwnAnswers } from '../experiments/align/task.ts';
import type { DescribedExample, FinetuneExamplesRequest } from '../experiments/finetune/described.ts';
import type { FilledTwice, FillRequest } from '../experiments/finetune/filled.ts';
import type { InterveneExperiment } from '../experiments/intervene/experiment.ts';
import type { InterveneResult } from '../experiments/intervene/result.ts';
import type { AnyExperiment, AnyResult, Estimate, Update } from '../experiments/kind.ts';
import type { ChatToWrite, GenerationPart, GenerationRequest, WrittenChat } from './generationProtocol.ts';
import type {
  ActivationRequest,
  CacheInfo,
  DeviceInfo,
  Engine,
  ModelInfo,
  ModelSource,
  Prediction,
  Progress,
  RunEnd,
  SocketEstimateRequest,
  SocketEstimates,
  TokenInfo,
} from './protocol.ts';

/** One entry per call of the engine. A call that is added here is refused by the compiler until both sides know it. */
export interface EngineCalls {
  readonly device: { readonly given: null; readonly returns: DeviceInfo };
  readonly loadModel: { readonly given: ModelSource; readonly returns: ModelInfo };
  readonly tokenize: { readonly given: string; readonly returns: readonly TokenInfo[] };
  readonly predict: {
    readonly given: { readonly text: string; readonly count: number | null };
    readonly returns: Prediction;
  };
  readonly describeTokens: {
    readonly given: readonly number[];
    readonly returns: readonly TokenInfo[];
  };
  readonly estimate: { readonly given: AnyExperiment; readonly returns: Estimate };
  readonly run: {
    readonly given: {
      readonly experiment: AnyExperiment;
      readonly earlier: AnyResult | null;
      readonly leaveOut: readonly string[];
    };
    readonly part: Update;
    readonly returns: RunEnd;
  };
  readonly intervene: {
    readonly given: { readonly experiment: InterveneExperiment; readonly isWhole: boolean };
    readonly returns: InterveneResult;
  };
  readonly estimateSockets: { readonly given: SocketEstimateRequest; readonly returns: SocketEstimates };
  readonly meanActivation: { readonly given: ActivationRequest; readonly returns: Float32Array };
  readonly alignTask: { readonly given: AlignTaskRequest; readonly returns: AlignTask };
  readonly alignOwnAnswers: { readonly given: AlignTaskRequest; readonly returns: OwnAnswers };
  readonly alignLearned: { readonly given: LearnedRequest; readonly returns: LearnedSite };
  readonly finetuneExamples: {
    readonly given: FinetuneExamplesRequest;
    readonly returns: readonly DescribedExample[];
  };
  readonly finetuneFill: { readonly given: FillRequest; readonly returns: FilledTwice };
  readonly generate: {
    readonly given: GenerationRequest;
    readonly part: GenerationPart;
    readonly returns: RunEnd;
  };
  readonly writeChat: { readonly given: ChatToWrite; readonly returns: WrittenChat | null };
  readonly cache: { readonly given: null; readonly returns: CacheInfo };
  readonly forget: { readonly given: string | null; readonly returns: CacheInfo };
}

export type CallName = keyof EngineCalls;

/** What a call hands over before it returns; never for one that only returns. */
export type PartOf<Name extends CallName> = Name extends CallName
  ? EngineCalls[Name] extends { readonly part: infer Part }
    ? Part
    : never
  : never;

export type CallMessage = {
  readonly [Name in CallName]: {
    readonly kind: 'call';
    readonly id: number;
    readonly name: Name;
    readonly given: EngineCalls[Name]['given'];
  };
}[CallName];

export type Request = CallMessage | { readonly kind: 'cancel'; readonly id: number };

export type Reply =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly kind: 'part'; readonly id: number; readonly part: unknown }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly name: string; readonly message: string };

/** What a `Worker`, a worker's own scope and a `MessagePort` have in common. */
export interface RpcPort {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  /** Only on a `MessagePort`, which keeps its messages until this is called. */
  start?(): void;
}

/**
 * The message inside an event, or null when it is not one of ours. Only the envelope is checked: both ends are built
 * together and nothing else writes to this port, so the rest has the type that the compiler saw on the other side.
 */
export function messageIn<Message extends Request | Reply>(event: Event): Message | null {
  if (!(event instanceof MessageEvent)) return null;
  const data: unknown = event.data;
  const isOurs = typeof data === 'object' && data !== null && 'kind' in data && 'id' in data;
  // The cast is the border described above.
  return isOurs ? (data as Message) : null;
}

function perform(
  engine: Engine,
  call: CallMessage,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
  onPart: (part: PartOf<CallName>) => void,
  onLastPart: (part: PartOf<CallName>) => void,
) {
  switch (call.name) {
    case 'device':
      return engine.device();
    case 'loadModel':
      return engine.loadModel(call.given, { signal, onProgress });
    case 'tokenize':
      return engine.tokenize(call.given);
    case 'predict': {
      const { text, count } = call.given;
      return engine.predict(text, { signal, onProgress, ...(count === null ? {} : { count }) });
    }
    case 'describeTokens':
      return engine.describeTokens(call.given);
    case 'estimate':
      return engine.estimate(call.given);
    case 'run': {
      const { experiment, earlier, leaveOut } = call.given;
      const past = earlier ? { earlier } : {};
      return engine.run(experiment, { signal, onProgress, onUpdate: onLastPart, leaveOut, ...past });
    }
    case 'intervene': {
      const { experiment, isWhole } = call.given;
      return engine.intervene(experiment, { signal, onProgress, isWhole });
    }
    case 'estimateSockets':
      return engine.estimateSockets(call.given, { signal, onProgress });
    case 'meanActivation':
      return engine.meanActivation(call.given, { signal, onProgress });
    case 'alignTask':
      return engine.alignTask(call.given, { signal });
    case 'alignOwnAnswers':
      return engine.alignOwnAnswers(call.given, { signal });
    case 'alignLearned':
      return engine.alignLearned(call.given, { signal });
    case 'finetuneExamples':
      return engine.finetuneExamples(call.given, { signal });
    case 'finetuneFill':
      return engine.finetuneFill(call.given, { signal });
    case 'generate':
      return engine.generate(call.given, { signal, onPart });
    case 'writeChat':
      return engine.writeChat(call.given);
    case 'cache':
      return engine.cache();
    case 'forget':
      return engine.forget(call.given);
    default:
      call satisfies never;
      throw new TypeError(`The engine has no call '${String(Reflect.get(call, 'name'))}'.`);
  }
}

/**
 * Answer the calls that arrive at `port`, each with its own abort signal and progress.
 *
 * A worker must call this before its first `await`: messages that arrive while a module waits at its top level find no
 * listener and are lost. Let the engine's own methods wait for what they need instead.
 */
export function serveEngine(engine: Engine, port: RpcPort): void {
  const running = new Map<number, AbortController>();
  const reply = (message: Reply) => port.postMessage(message);

  async function answer(call: CallMessage): Promise<void> {
    const { id } = call;
    const controller = new AbortController();
    running.set(id, controller);
    const { signal } = controller;
    try {
      const onProgress = (progress: Progress) => {
        if (!signal.aborted) reply({ kind: 'progress', id, progress });
      };
      // What a run had when it was stopped is handed over as well.
      const onLastPart = (part: PartOf<CallName>) => reply({ kind: 'part', id, part });
      const onPart = (part: PartOf<CallName>) => {
        if (!signal.aborted) onLastPart(part);
      };
      const value = await perform(engine, call, signal, onProgress, onPart, onLastPart);
      reply({ kind: 'result', id, value });
    } catch (cause) {
      const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
      reply({ kind: 'failure', id, name, message });
    } finally {
      running.delete(id);
    }
  }

  port.addEventListener('message', (event) => {
    const request = messageIn<Request>(event);
    if (request === null) return;
    if (request.kind === 'cancel') running.get(request.id)?.abort();
    else void answer(request);
  });
  port.start?.();
}
