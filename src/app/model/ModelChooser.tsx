// Every way to a model. Stands on the page while there is none, and in a dialog afterwards.

import { EmbeddedChoice } from './EmbeddedChoice.tsx';
import { HubChoice } from './HubChoice.tsx';
import { KeptModels } from './KeptModels.tsx';
import { KnownModels } from './KnownModels.tsx';
import { LocalChoice } from './LocalChoice.tsx';

export function ModelChooser() {
  return (
    <>
      <div className="chooser">
        <EmbeddedChoice />
        <LocalChoice />
        <HubChoice />
      </div>
      <div className="chooser-lists">
        <KnownModels />
        <KeptModels />
      </div>
    </>
  );
}
