// The chooser in a dialog, with the model in use above it.

import type { ModelInfo } from '../../worker/protocol.ts';
import { PageDialog } from '../frame/PageDialog.tsx';
import { formatBytes, formatCount, formatParameters } from '../quantities.ts';
import { useModel } from '../workbenchContext.tsx';
import { ModelChooser } from './ModelChooser.tsx';

/** What a model has none of, as one that reads no prompts has no vocabulary, is left out. */
function modelFacts(info: ModelInfo): readonly (readonly [string, string])[] {
  const counted = (name: string, count: number, words = ''): readonly (readonly [string, string])[] =>
    count === 0 ? [] : [[name, `${formatCount(count)}${words}`]];
  return [
    ['Family', info.family],
    ['Layers', info.layerCount === 0 ? 'none that repeat' : formatCount(info.layerCount)],
    ...counted('Width', info.width),
    ...counted('Heads', info.headCount),
    ...counted('Vocabulary', info.vocabularySize, ' tokens'),
    ...counted('Reads at most', info.maxPositions, ' positions'),
    ['Parameters', formatParameters(info.parameterCount)],
    ['Weights', formatBytes(info.weightBytes)],
  ];
}

function InUse({ info }: { readonly info: ModelInfo }) {
  return (
    <section className="in-use">
      <h3>In use</h3>
      <p className="choice-name">{info.label}</p>
      <dl>
        {modelFacts(info).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {[info.weightsNote, ...(info.notices ?? [])].map(
        (note) =>
          note !== undefined && (
            <p key={note} className="note small">
              {note}
            </p>
          ),
      )}
    </section>
  );
}

export function ModelDialog() {
  const info = useModel((state) => state.info);
  return (
    <PageDialog name="model" title="Choose a model">
      {info !== null && <InUse info={info} />}
      <ModelChooser />
    </PageDialog>
  );
}
