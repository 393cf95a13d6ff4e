// The chooser in a dialog, with the model in use above it.

import type { ModelInfo } from '../../worker/protocol.ts';
import { PageDialog } from '../frame/PageDialog.tsx';
import { formatBytes, formatCount, formatParameters } from '../quantities.ts';
import { useModel } from '../workbenchContext.tsx';
import { ModelChooser } from './ModelChooser.tsx';

const modelFacts = (info: ModelInfo): readonly (readonly [string, string])[] => [
  ['Family', info.family],
  ['Layers', formatCount(info.layerCount)],
  ['Width', formatCount(info.width)],
  ['Heads', formatCount(info.headCount)],
  ['Vocabulary', `${formatCount(info.vocabularySize)} tokens`],
  ['Reads at most', `${formatCount(info.maxPositions)} positions`],
  ['Parameters', formatParameters(info.parameterCount)],
  ['Weights', formatBytes(info.weightBytes)],
];

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
