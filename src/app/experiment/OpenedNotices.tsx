// What came of opening something: why it could not be, which model it wants, and that what stood there before is not lost.

import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import type { AnyResult } from '../../experiments/kind.ts';
import { defaultRevision } from '../model/hubAddress.ts';
import { isNamed, modelName, type WantedModel, wantedModel } from '../model/wantedModel.ts';
import { formatCount, formatCounted } from '../quantities.ts';
import { useHub, useModel, useWorkbench } from '../workbenchContext.tsx';
import { useAnyPage, useAnyState } from './pageContext.tsx';

const focusMain = () => document.getElementById('main')?.focus();

function Refusal() {
  const { opening } = useWorkbench();
  const refusal = useStore(opening, (state) => state.refusal);
  if (refusal === null) return null;
  return (
    <section className="wide notices" aria-label={`About this ${refusal.what}`}>
      <div className="notices-text" role="alert">
        <p>
          <b>This {refusal.what} was not opened.</b> {refusal.message}
        </p>
      </div>
      <button
        type="button"
        className="button"
        onClick={() => {
          opening.getState().dismiss();
          focusMain();
        }}
      >
        Dismiss
      </button>
    </section>
  );
}

function ways(wanted: WantedModel, noun: string): string {
  switch (wanted.kind) {
    case 'embedded':
      return 'It comes with this page.';
    case 'hub':
      return 'It is fetched from the Hub when you ask for it.';
    case 'elsewhere':
      return `It was opened from files, which a link does not carry: open them here, or run the ${noun} on the model in use.`;
    default:
      return wanted satisfies never;
  }
}

function OtherModel() {
  const { model } = useWorkbench();
  const page = useAnyPage();
  const { noun } = page.face;
  const experiment = useAnyState((state) => state.opened?.experiment ?? null);
  const info = useModel((state) => state.info);
  const isLoading = useModel((state) => state.load.status === 'loading');
  const isEmbeddedServed = useModel((state) => state.isEmbeddedServed);
  const { load, fields } = useHub((state) => state);
  if (experiment === null || info === null || isNamed(info.label, experiment) || isLoading) return null;
  const wanted = wantedModel(modelName(experiment), isEmbeddedServed === true);
  return (
    <section className="wide notices" aria-label={`About this ${noun}`}>
      <div className="notices-text" role="status">
        <p>
          This {noun} is of <b>{experiment.model}</b>; in use is {info.label}. {ways(wanted, noun)}
        </p>
      </div>
      {wanted.kind !== 'elsewhere' && (
        <button
          type="button"
          className="button button-primary"
          onClick={() => {
            if (wanted.kind === 'embedded') void model.getState().startEmbedded();
            else
              load('hub', wanted.repository, {
                repository: wanted.repository,
                revision: wanted.revision ?? defaultRevision,
                hubUrl: fields.hubUrl,
                ...(wanted.file === undefined ? {} : { file: wanted.file }),
              });
          }}
        >
          Load {experiment.model}
        </button>
      )}
      <button type="button" className="button" onClick={() => void page.start()}>
        Run on {info.label}
      </button>
    </section>
  );
}

function Replaced() {
  const page = useAnyPage();
  const hasReplaced = useAnyState((state) => state.hasReplaced);
  if (!hasReplaced) return null;
  return (
    <section className="wide notices" aria-label="About what stood here">
      <p className="notices-text" role="status">
        What you had here before is kept: one undo brings it back.
      </p>
      <button
        type="button"
        className="button"
        onClick={() => {
          page.undo();
          focusMain();
        }}
      >
        Undo
      </button>
      <button
        type="button"
        className="button"
        onClick={() => {
          page.dismiss();
          focusMain();
        }}
      >
        Dismiss
      </button>
    </section>
  );
}

const sentenceStart = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}`;

/** A run that takes minutes was not finished when the page was left. */
function Unfinished() {
  const page = useAnyPage();
  const { kind, noun, kept } = page.face;
  const [found, setFound] = useState<AnyResult | null>(null);
  useEffect(() => {
    let isLooking = true;
    void page.unfinished().then((result) => {
      if (isLooking) setFound(result);
    });
    return () => {
      isLooking = false;
    };
  }, [page]);
  // What runs here takes its place.
  const isRunning = useAnyState(({ run }) => run.status === 'running' && !run.isQuiet);
  if (found === null || isRunning) return null;
  const { done, total } = kind.count(found);
  const words = kept?.(found).words ?? `${formatCount(done)} of ${formatCounted(total, kind.words.counted)}`;
  const close = () => {
    setFound(null);
    focusMain();
  };
  return (
    <section className="wide notices" aria-label={`About an unfinished ${noun}`}>
      <p className="notices-text" role="status">
        {sentenceStart(kind.words.indefinite)} was not finished when this page was left: {words} are kept.
        Opened, Resume goes on from there.
      </p>
      <button
        type="button"
        className="button button-primary"
        onClick={() => {
          page.openResult(found);
          close();
        }}
      >
        Open it
      </button>
      <button
        type="button"
        className="button"
        onClick={() => {
          page.forgetUnfinished();
          close();
        }}
      >
        Forget it
      </button>
    </section>
  );
}

export function OpenedNotices() {
  return (
    <>
      <Unfinished />
      <Refusal />
      <OtherModel />
      <Replaced />
    </>
  );
}
