// The trace as it is set up: examples to start from, prompt and subject, what is done to the model, warnings, the run.

import { Examples } from '../experiment/Examples.tsx';
import { RunBar } from '../experiment/RunBar.tsx';
import { isEmbedded } from '../model/embedded.ts';
import { useModel } from '../workbenchContext.tsx';
import { examplesNote } from './examplesNote.ts';
import { useDocument, useOwn } from './hooks.ts';
import { TracePrompt } from './TracePrompt.tsx';
import { TraceSettings } from './TraceSettings.tsx';
import { traceWarnings } from './warnings.ts';

function Warnings() {
  const document = useDocument();
  const { draft, key, estimate, shown, world, asOpened } = useOwn((state) => state);
  const { tokens, problems } = draft;
  if (tokens === null || problems.size > 0) return null;
  const result = shown !== null && shown.key === key ? shown.result : null;
  const layerCount = world.model?.layerCount ?? result?.layerCount;
  if (layerCount === undefined) return null;
  const warnings = traceWarnings({
    document,
    draft,
    isAsOpened: document === asOpened,
    layerCount,
    estimate: estimate.status === 'known' && estimate.key === key ? estimate.value : null,
    prediction: world.readings[0]?.prediction ?? null,
    result,
  });
  if (warnings.length === 0) return null;
  return (
    <ul className="warnings" aria-label="Worth knowing">
      {warnings.map(({ code, text }) => (
        <li key={code}>{text}</li>
      ))}
    </ul>
  );
}

export function TraceCard() {
  const isOfEmbedded = useModel(({ info }) => info === null || isEmbedded(info));
  return (
    <section className="card prompt trace-card" aria-labelledby="prompt-title" data-document>
      <div className="card-head">
        <h2 id="prompt-title">Prompt</h2>
        <Examples {...(isOfEmbedded ? { note: examplesNote } : {})} />
      </div>
      <TracePrompt />
      <TraceSettings />
      <Warnings />
      <RunBar />
    </section>
  );
}
