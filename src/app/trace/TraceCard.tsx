// The trace as it is set up: examples to start from, prompt and subject, what is done to the model, warnings, the run.

import { isCurrent } from '../prompt/promptStore.ts';
import { useDraft, useEstimate, useGallery, useModel, usePrompt, useTrace } from '../workbenchContext.tsx';
import { RunBar } from './RunBar.tsx';
import { TracePrompt } from './TracePrompt.tsx';
import { TraceSettings } from './TraceSettings.tsx';
import { traceWarnings } from './warnings.ts';

function Examples() {
  const examples = useGallery((state) => state.examples);
  const openExample = useGallery((state) => state.openExample);
  const text = usePrompt((state) => state.text);
  if (examples.length === 0) return null;
  return (
    <nav className="examples" aria-label="Examples">
      <span className="mute">Examples</span>
      {examples.map((example) => (
        <button
          key={example.name}
          type="button"
          className="example"
          aria-pressed={example.experiment.prompt === text}
          title={typeof example.experiment.prompt === 'string' ? example.experiment.prompt : undefined}
          onClick={() => void openExample(example)}
        >
          {example.title}
        </button>
      ))}
    </nav>
  );
}

function Warnings() {
  const inputs = useTrace((state) => state.inputs);
  const shown = useTrace((state) => state.shown);
  const estimate = useEstimate((state) => state);
  const model = useModel((state) => state.info);
  const text = usePrompt((state) => state.text);
  const prediction = usePrompt((state) => state.prediction);
  const { tokens, key } = useDraft();
  if (tokens === null || key === null) return null;
  const isKnown = estimate.status === 'known' && estimate.key === key;
  const result = shown !== null && shown.key === key ? shown.result : null;
  const layerCount = model?.layerCount ?? result?.layerCount;
  if (layerCount === undefined) return null;
  const warnings = traceWarnings({
    inputs,
    tokens,
    layerCount,
    estimate: isKnown ? estimate.value : null,
    prediction: isCurrent(prediction, text, model) ? (prediction?.value ?? null) : null,
    result,
  });
  if (warnings.length === 0) return null;
  return (
    <ul className="warnings" aria-label="Worth knowing">
      {warnings.map(({ code, text: words }) => (
        <li key={code}>{words}</li>
      ))}
    </ul>
  );
}

export function TraceCard() {
  return (
    <section className="card prompt trace-card" aria-labelledby="prompt-title">
      <div className="card-head">
        <h2 id="prompt-title">Prompt</h2>
        <Examples />
      </div>
      <TracePrompt />
      <TraceSettings />
      <Warnings />
      <RunBar />
    </section>
  );
}
