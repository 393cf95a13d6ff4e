// The page's side of the port: an `Engine` whose every call is a message to the worker. Aborting a call settles it here
// at once and tells the worker to stop; what the worker still says about it is dropped, but for what a run had when it was
// stopped. Errors keep name and message.

import type { CallOptions, Engine, Progress } from './protocol.ts';
import { type CallName, type EngineCalls, messageIn, type PartOf, type Reply, type RpcPort } from './rpc.ts';

/** An error that was thrown in the worker, under the name it had there. */
export class EngineError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: Error) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly onPart: (part: unknown) => void;
}

const failureOf = (name: string, message: string): Error =>
  name === 'AbortError' ? new DOMException(message, name) : new EngineError(name, message);

/**
 * @param port a `Worker`, or one end of a `MessageChannel` whose other end was given to `serveEngine`
 * @returns an engine; its calls reject with a DOMException named `AbortError` when their signal aborts, with an
 *   `EngineError` when the engine throws or the worker breaks; when the worker never started, so do all later ones
 */
export function connectEngine(port: RpcPort): Engine {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let broken: Error | null = null;
  let hasAnswered = false;

  function call<Name extends CallName>(
    name: Name,
    given: EngineCalls[Name]['given'],
    { signal, onProgress }: CallOptions = {},
    onPart?: (part: PartOf<Name>) => void,
  ): Promise<EngineCalls[Name]['returns']> {
    if (broken !== null) return Promise.reject(broken);
    lastId += 1;
    const id = lastId;
    return new Promise((resolve, reject) => {
      const cancelled = () => new DOMException(`The call '${name}' was cancelled.`, 'AbortError');
      if (signal?.aborted) return reject(cancelled());

      const onAbort = () => {
        port.postMessage({ kind: 'cancel', id });
        settle();
        if (name === 'run') listenOn(id, onPart);
        reject(cancelled());
      };
      const settle = () => {
        pending.delete(id);
        signal?.removeEventListener('abort', onAbort);
      };
      pending.set(id, {
        onProgress,
        // The part under this id is what the call of this name handed over.
        onPart: (part) => onPart?.(part as PartOf<Name>),
        resolve: (value) => {
          settle();
          // The reply to this id is what `serveEngine` got from the call of this name.
          resolve(value as EngineCalls[Name]['returns']);
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        port.postMessage({ kind: 'call', id, name, given });
      } catch (cause) {
        settle();
        reject(cause);
      }
    });
  }

  /** Take the parts of a call that is settled here, until the worker is done with it. */
  function listenOn<Name extends CallName>(id: number, onPart?: (part: PartOf<Name>) => void): void {
    const done = () => void pending.delete(id);
    // As below.
    pending.set(id, {
      resolve: done,
      reject: done,
      onProgress: undefined,
      onPart: (part) => onPart?.(part as PartOf<Name>),
    });
  }

  port.addEventListener('message', (event) => {
    const reply = messageIn<Reply>(event);
    if (reply === null) return;
    hasAnswered = true;
    const call = pending.get(reply.id);
    if (call === undefined) return; // cancelled here before the worker heard of it
    if (reply.kind === 'progress') call.onProgress?.(reply.progress);
    else if (reply.kind === 'part') call.onPart(reply.part);
    else if (reply.kind === 'result') call.resolve(reply.value);
    else call.reject(failureOf(reply.name, reply.message));
  });

  function failAll(sentence: string): void {
    const error = new EngineError('WorkerError', sentence);
    // A worker that has never answered did not start. One that has is alive: only what it was doing is lost.
    if (!hasAnswered) broken = error;
    for (const call of [...pending.values()]) call.reject(error);
  }
  port.addEventListener('error', (event) => {
    // A script that cannot be fetched gives a plain Event without a message.
    const message: unknown = 'message' in event ? event.message : '';
    const detail = typeof message === 'string' && message !== '' ? ` (${message})` : '';
    if (hasAnswered) failAll(`The engine's worker met an error${detail}. Try again, or reload the page.`);
    else failAll(`The engine's worker did not start${detail}. Reload the page to try again.`);
  });
  port.addEventListener('messageerror', () => {
    failAll("A message from the engine's worker could not be read. Try again, or reload the page.");
  });
  port.start?.();

  return {
    device: () => call('device', null),
    loadModel: (source, options) => call('loadModel', source, options),
    tokenize: (text) => call('tokenize', text),
    predict: (text, { count = null, ...options }: CallOptions & { readonly count?: number | null } = {}) =>
      call('predict', { text, count }, options),
    describeTokens: (ids) => call('describeTokens', ids),
    estimate: (experiment) => call('estimate', experiment),
    run: (experiment, { onUpdate, earlier = null, leaveOut = [], ...options } = {}) =>
      call('run', { experiment, earlier, leaveOut }, options, onUpdate),
    intervene: (experiment, { isWhole = true, ...options } = {}) =>
      call('intervene', { experiment, isWhole }, options),
    estimateSockets: (request, options) => call('estimateSockets', request, options),
    meanActivation: (request, options) => call('meanActivation', request, options),
    alignTask: (request, options) => call('alignTask', request, options),
    alignOwnAnswers: (request, options) => call('alignOwnAnswers', request, options),
    alignLearned: (request, options) => call('alignLearned', request, options),
    finetuneExamples: (request, options) => call('finetuneExamples', request, options),
    finetuneFill: (request, options) => call('finetuneFill', request, options),
    generate: (request, { onPart, ...options } = {}) => call('generate', request, options, onPart),
    writeChat: (chat) => call('writeChat', chat),
    cache: () => call('cache', null),
    forget: (label) => call('forget', label),
  };
}
