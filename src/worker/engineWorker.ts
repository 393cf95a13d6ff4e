// The worker that the page starts: an engine behind its port. The page's first message says on which backend, where its
// address asks for one; a worker cannot see that address.

import { browserCache } from '../checkpoint/cache/modelCache.ts';
import { type BackendWish, chooseDevice, weightBudget } from './device.ts';
import { createEngine } from './engine.ts';
import { serveEngine } from './rpc.ts';

self.addEventListener(
  'message',
  ({ data }: MessageEvent<{ readonly backend: BackendWish }>) => {
    // Calls are posted after this message, so they find the listener that is added now.
    const engine = createEngine(chooseDevice(data.backend), {
      cache: browserCache(),
      weightBytes: weightBudget(),
    });
    serveEngine(engine, self);
  },
  { once: true },
);
