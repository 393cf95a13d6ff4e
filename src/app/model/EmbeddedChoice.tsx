// The model that comes with the page, when this copy of the page has one.

import { useId } from 'react';
import { useModel } from '../workbenchContext.tsx';
import { embeddedModel } from './embedded.ts';
import { LoadState } from './LoadState.tsx';

export function EmbeddedChoice() {
  const isServed = useModel((state) => state.isEmbeddedServed);
  const startEmbedded = useModel((state) => state.startEmbedded);
  const note = useId();
  const text = {
    true: 'A small model that comes with the page. Loads in a moment.',
    false: `This copy of the page comes without ${embeddedModel.label}. Choose a folder, files or a Hub model instead.`,
    null: 'Checking whether it comes with this copy of the page.',
  }[`${isServed}`];
  return (
    <section className="choice">
      <h3>With the page</h3>
      <div className="choice-line">
        <button
          type="button"
          className="button"
          aria-disabled={!isServed}
          aria-describedby={note}
          onClick={() => isServed && void startEmbedded()}
        >
          Load {embeddedModel.label}
        </button>
      </div>
      <p id={note} className="mute small">
        {text}
      </p>
      <LoadState origin="embedded" />
    </section>
  );
}
