// Starts the engine's worker and draws the page over it.

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { connectEngine } from '../worker/client.ts';
import './style/theme.css';
import './style/base.css';
import './style/frame.css';
import './style/dialog.css';
import './style/chooser.css';
import './style/models.css';
import './style/prompt.css';
import './style/rack.css';
import './style/trace.css';
import './style/figure.css';
import './style/print.css';
import { windowAddress } from './experiment/address.ts';
import { browserKeeper } from './experiment/keptResults.ts';
import { followTitle } from './experiment/title.ts';
import { browserMemory } from './frame/memory.ts';
import { embeddedModel } from './model/embedded.ts';
import { askToPersist } from './model/persistence.ts';
import { keepPage, whenAtRest } from './offline/keep.ts';
import { Page } from './Page.tsx';
import { examples } from './trace/examples.ts';
import { createWorkbench } from './workbench.ts';
import { WorkbenchProvider } from './workbenchContext.tsx';

const worker = new Worker(new URL('../worker/engineWorker.ts', import.meta.url), { type: 'module' });
const asked = new URLSearchParams(window.location.search).get('backend');
worker.postMessage({ backend: asked === 'webgpu' || asked === 'wasm' ? asked : null });
const workbench = createWorkbench({
  engine: connectEngine(worker),
  embedded: embeddedModel,
  memory: browserMemory(),
  address: windowAddress(),
  examples,
  keeper: browserKeeper(),
  onHubLoad: askToPersist,
});
whenAtRest(workbench, async (backend) => workbench.offline.setState({ isKept: await keepPage(backend) }));
followTitle(workbench.pages, document);

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no element with the id root.');
createRoot(root).render(
  <StrictMode>
    <WorkbenchProvider value={workbench}>
      <Page />
    </WorkbenchProvider>
  </StrictMode>,
);
