// Has the browser keep the page for the time without a network: once the page has done what it opened with, so that the
// first figure, the model and the first run wait for nothing of this.

import type { BackendKind } from '../../worker/protocol.ts';
import type { Workbench } from '../workbench.ts';

/** Calls `then` once: when a model is there and nothing is being computed. */
export function whenAtRest(
  { model, prompt, desk, device }: Workbench,
  then: (backend: BackendKind) => void,
): void {
  const look = () => {
    const { info: found } = model.getState();
    const known = device.getState();
    const isBusy = prompt.getState().run.status === 'running' || desk.getState().run !== null;
    if (found === null || known.status !== 'ready' || isBusy) return;
    for (const stop of stops) stop();
    then(known.info.backend);
  };
  const stops = [model, prompt, desk, device].map((store) => store.subscribe(look));
}

/** @returns whether it is at work in the end; the first one keeps the files of the page before it is */
function isActivated(registration: ServiceWorkerRegistration): Promise<boolean> {
  const coming = registration.installing ?? registration.waiting;
  if (registration.active !== null || coming === null) return Promise.resolve(registration.active !== null);
  return new Promise((resolve) => {
    coming.addEventListener('statechange', () => {
      if (coming.state === 'activated') resolve(true);
      // Thrown away: a file could not be fetched or stored.
      if (coming.state === 'redundant') resolve(false);
    });
  });
}

/**
 * Start the service worker of this folder, and name it the files that this browser needs besides those of every one.
 * @returns whether all is kept; null where the browser keeps no pages, or is not asked to
 */
export async function keepPage(backend: BackendKind): Promise<boolean | null> {
  // Absent on pages that are not secure.
  const workers: ServiceWorkerContainer | undefined = navigator.serviceWorker;
  if (!import.meta.env.PROD || !workers) return null;
  const { wasmFiles, webgpuFiles } = await import('../../runtime/backends/ortFiles.ts');
  const files = backend === 'wasm' ? wasmFiles : webgpuFiles;
  try {
    const registration = await workers.register(new URL('./serviceWorker.js', document.baseURI));
    if (!(await isActivated(registration))) return false;
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise<boolean>((resolve) => {
      port1.onmessage = ({ data }) => resolve(data === true);
    });
    registration.active?.postMessage([files.wasm], [port2]);
    return await answer;
  } catch {
    // Forbidden by the browser's settings, or the host is gone already. The page works as before, with its network.
    return false;
  }
}
