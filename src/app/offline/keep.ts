// Has the browser keep the page for the time without a network: once the page has done what it opened with, so that the
// first figure, the model and the first run wait for nothing of this.

import type { BackendKind } from '../../worker/protocol.ts';
import type { Workbench } from '../workbench.ts';

/** Calls `then` once: when a model is there and nothing is being computed. */
export function whenAtRest(
  { model, prompt, trace, device }: Workbench,
  then: (backend: BackendKind) => void,
): void {
  const look = () => {
    const { info: found } = model.getState();
    const known = device.getState();
    const isBusy = prompt.getState().run.status === 'running' || trace.getState().run.status === 'running';
    if (found === null || known.status !== 'ready' || isBusy) return;
    for (const stop of stops) stop();
    then(known.info.backend);
  };
  const stops = [model, prompt, trace, device].map((store) => store.subscribe(look));
}

/** Start the service worker of this folder, and name it the files that this browser needs besides those of every one. */
export async function keepPage(backend: BackendKind): Promise<void> {
  // Absent on pages that are not secure.
  const workers: ServiceWorkerContainer | undefined = navigator.serviceWorker;
  if (!import.meta.env.PROD || !workers) return;
  const { wasmFiles, webgpuFiles } = await import('../../runtime/ortFiles.ts');
  const files = backend === 'wasm' ? wasmFiles : webgpuFiles;
  try {
    await workers.register(new URL('./serviceWorker.js', document.baseURI));
    const { active } = await workers.ready;
    active?.postMessage([files.wasm]);
  } catch {
    // Forbidden by the browser's settings, or the host is gone already. The page works as before, with its network.
  }
}
