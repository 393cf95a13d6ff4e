// What this browser keeps of models: how much, each to be loaded again without a download, forgotten one by one or all.

import { useId, useRef } from 'react';
import type { CachedModel } from '../../worker/protocol.ts';
import { formatBytes, formatDate } from '../quantities.ts';
import { useCache, useHub } from '../workbenchContext.tsx';
import { ConfirmButton } from './ConfirmButton.tsx';
import { LoadState } from './LoadState.tsx';

interface KeptModelProps {
  readonly model: CachedModel;
  readonly focusAfter: () => HTMLElement | null;
}

function KeptModel({ model, focusAfter }: KeptModelProps) {
  const load = useHub((state) => state.load);
  const forget = useCache((state) => state.forget);
  const { label, source, sizeBytes, lastUsed, isComplete } = model;
  return (
    <li className="listed">
      <div className="listed-line">
        <span className="choice-name">{label}</span>
        <span className="mute small">
          {formatBytes(sizeBytes)}
          {!isComplete && ', a part of it'}
          {lastUsed > 0 && ` · last used ${formatDate(lastUsed)}`}
        </span>
        <span className="listed-end">
          {source !== null && (
            <button
              type="button"
              className="button-plain"
              aria-label={`Load ${label}`}
              onClick={() => load('kept', label, source)}
            >
              Load
            </button>
          )}
          <ConfirmButton
            label="Forget"
            name={`Forget ${label}`}
            title={`Forget ${label}?`}
            onConfirm={() => void forget(label)}
            focusAfter={focusAfter}
          >
            Its {formatBytes(sizeBytes)} are removed from this browser. The next load fetches them again.
          </ConfirmButton>
        </span>
      </div>
      <LoadState origin="kept" label={label} />
    </li>
  );
}

export function KeptModels() {
  const info = useCache((state) => state.info);
  const problem = useCache((state) => state.problem);
  const forget = useCache((state) => state.forget);
  const heading = useRef<HTMLHeadingElement>(null);
  const title = useId();
  const focusAfter = () => heading.current;
  if (info === null && problem === null) return null;
  const isEmpty = info === null || info.models.length === 0;
  return (
    <section className="choice" aria-labelledby={title}>
      <div className="choice-line">
        <h3 id={title} ref={heading} tabIndex={-1}>
          Kept models{isEmpty ? '' : `: ${formatBytes(info.sizeBytes)} in this browser`}
        </h3>
        {!isEmpty && (
          <ConfirmButton
            label="Empty"
            name="Empty kept models"
            title="Forget all kept models?"
            onConfirm={() => void forget(null)}
            focusAfter={focusAfter}
          >
            {formatBytes(info.sizeBytes)} are removed from this browser. What is loaded again is fetched
            again.
          </ConfirmButton>
        )}
      </div>
      {problem !== null && (
        <p className="problem">What this browser keeps cannot be listed or changed: {problem}</p>
      )}
      {info !== null && isEmpty && (
        <p className="mute small">
          {info.isAvailable
            ? 'None. A model from the Hub is kept in this browser, so that it is fetched only once.'
            : 'None: this browser keeps nothing for a page that is not served securely (https or localhost).'}
        </p>
      )}
      {!isEmpty && (
        <ul>
          {info.models.map((model) => (
            <KeptModel key={model.label} model={model} focusAfter={focusAfter} />
          ))}
        </ul>
      )}
    </section>
  );
}
