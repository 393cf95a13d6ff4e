// What came of opening a link: why it could not be read, or which model it wants.

import { defaultRevision } from '../model/hubAddress.ts';
import { useGallery, useHub, useModel, useTrace, useWorkbench } from '../workbenchContext.tsx';
import { type WantedModel, wantedModel } from './wantedModel.ts';

function Refusal() {
  const refusal = useGallery((state) => state.refusal);
  const putAway = useGallery((state) => state.putAway);
  if (refusal === null) return null;
  return (
    <section className="wide notices" aria-label="About this link">
      <div className="notices-text" role="alert">
        <p>
          <b>This link was not opened.</b> {refusal}
        </p>
      </div>
      <button type="button" className="button" onClick={putAway}>
        Put away
      </button>
    </section>
  );
}

function ways(wanted: WantedModel): string {
  switch (wanted.kind) {
    case 'embedded':
      return 'It comes with this page.';
    case 'hub':
      return 'It is fetched from the Hub when you ask for it.';
    case 'elsewhere':
      return 'It was opened from files, which a link does not carry: open them here, or run the trace on the model in use.';
    default:
      return wanted satisfies never;
  }
}

function OtherModel() {
  const { model } = useWorkbench();
  const experiment = useTrace((state) => state.pending?.experiment ?? null);
  const start = useTrace((state) => state.start);
  const info = useModel((state) => state.info);
  const isLoading = useModel((state) => state.load.status === 'loading');
  const isEmbeddedServed = useModel((state) => state.isEmbeddedServed);
  const { load, fields } = useHub((state) => state);
  if (experiment === null || info === null || info.label === experiment.model || isLoading) return null;
  const wanted = wantedModel(experiment.model, isEmbeddedServed === true);
  return (
    <section className="wide notices" aria-label="About this trace">
      <div className="notices-text" role="status">
        <p>
          This trace is of <b>{experiment.model}</b>; in use is {info.label}. {ways(wanted)}
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
              });
          }}
        >
          Load {experiment.model}
        </button>
      )}
      <button type="button" className="button" onClick={() => void start()}>
        Run on {info.label}
      </button>
    </section>
  );
}

export function OpenedNotices() {
  return (
    <>
      <Refusal />
      <OtherModel />
    </>
  );
}
