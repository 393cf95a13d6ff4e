// Lets a worker hear its messages while it computes. On WASM a graph runs inside the call, and what awaits it goes on in the
// same turn of the event loop: without a pause of its own, a sweep would read a cancel only after its last graph.

/** Often enough for a cancel to feel immediate, seldom enough to cost nothing. */
const pauseEveryMs = 25;

/**
 * @returns a function to await after each piece of work; it waits for one turn of the event loop where the last one is
 *   some time ago, and otherwise does nothing
 */
export function createBreather(now: () => number = () => performance.now()): () => Promise<void> {
  let last = now();
  return async () => {
    if (now() - last < pauseEveryMs) return;
    await new Promise<void>((resolve) => {
      // A timer would wait for 4 ms; a message is delivered in the next turn.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    });
    last = now();
  };
}
