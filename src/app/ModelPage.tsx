// The Model page: a prompt, its next tokens, and every component of the model as a rack of sockets.

import { lazy, Suspense, useMemo } from 'react';
import { FirstModel } from './model/FirstModel.tsx';
import { NextTokens } from './prompt/NextTokens.tsx';
import { PromptCard } from './prompt/PromptCard.tsx';
import { Inspector } from './rack/Inspector.tsx';
import { RackCard } from './rack/RackCard.tsx';
import { buildRack } from './rack/sites.ts';
import { useModel, usePage } from './workbenchContext.tsx';

const StructureCard = lazy(async () => ({
  default: (await import('./tensors/StructureCard.tsx')).StructureCard,
}));

/** The way to the page for models that cannot be prompted. */
function ToTensors() {
  const go = usePage((state) => state.go);
  return (
    <section className="card to-tensors" aria-labelledby="to-tensors">
      <h2 id="to-tensors">Its tensors</h2>
      <p>
        This model reads no prompts, or predicts none. What each place of it does for its output is swept on a
        page of its own.
      </p>
      <button type="button" className="button button-primary" onClick={() => go('tensors')}>
        Sweep over its tensors
      </button>
    </section>
  );
}

export function ModelPage() {
  const info = useModel((state) => state.info);
  const rack = useMemo(() => (info === null ? null : buildRack(info)), [info]);
  const structure = info?.imported;
  const isPrompted = structure?.noPrompts === undefined;
  return (
    <>
      {info === null && <FirstModel />}
      <div className="column">
        {isPrompted && <PromptCard />}
        {isPrompted && rack !== null && <RackCard rack={rack} />}
        {structure && (
          <Suspense fallback={null}>
            <StructureCard structure={structure} />
          </Suspense>
        )}
      </div>
      <div className="column">
        {isPrompted ? <NextTokens /> : <ToTensors />}
        {isPrompted && rack !== null && <Inspector rack={rack} />}
      </div>
    </>
  );
}
