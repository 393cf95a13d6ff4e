// Dawn answers from the event loop of Node, and only while that turns: a promise of a pipeline alone does not keep it turning.

/** Often enough that a wait for the GPU is not felt. */
const everyMs = 1;

/** Keep the event loop turning. @returns how to let it end */
export function ticking(): () => void {
  const timer = setInterval(() => undefined, everyMs);
  return () => clearInterval(timer);
}
