// The chooser in a dialog, with the model in use above it.

import { Dialog } from 'radix-ui';
import type { ModelInfo } from '../../worker/protocol.ts';
import { formatBytes, formatCount, formatParameters } from '../quantities.ts';
import { useModel, usePage } from '../workbenchContext.tsx';
import { ModelChooser } from './ModelChooser.tsx';

export const modelFacts = (info: ModelInfo): readonly (readonly [string, string])[] => [
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
    </section>
  );
}

export function ModelDialog() {
  const isOpen = usePage((state) => state.dialog === 'model');
  const open = usePage((state) => state.open);
  const info = useModel((state) => state.info);
  return (
    <Dialog.Root open={isOpen} onOpenChange={(next) => open(next ? 'model' : null)}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="dialog" aria-describedby={undefined}>
          <div className="dialog-head">
            <Dialog.Title>Choose a model</Dialog.Title>
            <Dialog.Close className="button">Close</Dialog.Close>
          </div>
          {info !== null && <InUse info={info} />}
          <ModelChooser />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
