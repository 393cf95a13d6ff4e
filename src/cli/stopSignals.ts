// The signals that ask a program to stop: Ctrl-C at a terminal, and what a cluster, a container or a closed terminal sends.
// All mean the same here: what has been computed is written, then the program ends.

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** 128 and the number of the signal, as shells expect. */
export const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type StopSignal = (typeof signals)[number];

/**
 * Be told of the first such signal. A second one ends the program at once, as if nobody listened.
 * @returns what stops the listening
 */
export function onStop(listener: (signal: StopSignal) => void): () => void {
  const handlers = signals.map((signal) => {
    const handler = () => {
      stop();
      listener(signal);
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  const stop = () => {
    for (const off of handlers) off();
  };
  return stop;
}

export const untilStopped = (): Promise<StopSignal> => new Promise((resolve) => onStop(resolve));
