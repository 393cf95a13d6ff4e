// Tells a dead network from a slow one. A connection that nothing comes over (a cable pulled out, a gateway that swallows
// packets, a sleeping host) fails only after minutes, or never; one that moves, however slowly, is left alone.

import { CheckpointError } from '../checkpoint.ts';

export interface Patience {
  /** Milliseconds in which nothing at all comes from a server until it counts as dead; default 15,000. */
  readonly silentMs?: number | undefined;
}

/** A server that has gone silent. */
export class SilentServerError extends CheckpointError {}

const defaultSilentMs = 15_000;

/**
 * The patience is counted in ticks, not read off a clock: while a program computes, or a computer sleeps, no tick comes,
 * and what has arrived meanwhile is seen before the next one.
 */
const ticksOfPatience = 10;

/** Answers and pieces of bodies so far, by host. A browser lets requests to one host wait for each other. */
const newsOf = new Map<string, number>();

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);

function note(host: string): void {
  newsOf.set(host, (newsOf.get(host) ?? 0) + 1);
}

/**
 * Wait for the next news of a server: the header of its answer, or a piece of a body.
 * @param stop ends what is waited for, with the reason
 * @throws SilentServerError when nothing comes, from this host by any request
 */
export async function nextNews<T>(
  url: string,
  { silentMs = defaultSilentMs }: Patience,
  waiting: Promise<T>,
  stop: (reason: SilentServerError) => void,
): Promise<T> {
  const host = hostOf(url);
  let known = newsOf.get(host);
  let ticks = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      const news = newsOf.get(host);
      ticks = news === known ? ticks + 1 : 0;
      known = news;
      if (ticks < ticksOfPatience) return;
      const error = new SilentServerError(
        `Nothing has come from ${host} for ${Math.round(silentMs / 100) / 10} seconds. ` +
          'Check the connection and try again, or open the model from a folder.',
      );
      reject(error);
      stop(error);
    }, silentMs / ticksOfPatience);
  });
  try {
    const news = await Promise.race([waiting, silence]);
    note(host);
    return news;
  } finally {
    clearInterval(timer);
  }
}

/** `fetch` that gives up on a server that sends not even the header of an answer. @throws SilentServerError */
export function fetchAnswer(
  input: Parameters<typeof fetch>[0],
  init: RequestInit,
  patience: Patience,
): Promise<Response> {
  const silence = new AbortController();
  const signal = init.signal ? AbortSignal.any([init.signal, silence.signal]) : silence.signal;
  const url = input instanceof Request ? input.url : String(input);
  return nextNews(url, patience, fetch(input, { ...init, signal }), (reason) => silence.abort(reason));
}
