// A sweep begun anew for the model in use, where what is shown was made for a model that reads something else.

import { useStore } from 'zustand';
import { readPatchExperiment } from '../../experiments/patch/experiment.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import { usePageOf } from '../experiment/pageContext.tsx';
import { useWorkbench } from '../workbenchContext.tsx';
import { documentOf } from './document.ts';
import type { PatchTypes } from './page.ts';

/** One empty pair, and the residual states of each stack. */
function begun({ label, components, reads }: ModelInfo) {
  const states = components.flatMap(({ name, layers }) =>
    layers !== null && /(^|\.)block_output$/.test(name) ? [{ component: name }] : [],
  );
  const pair = { clean: '' };
  return readPatchExperiment({
    kind: 'patch',
    version: 1,
    model: label,
    pairs: [pair],
    ...(reads?.isAlone ? {} : { sweeps: states }),
  });
}

export function NewSweep() {
  const page = usePageOf<PatchTypes>('patch');
  const info = useStore(useWorkbench().model, (state) => state.info);
  const fits = useStore(page.store, ({ history: { present } }) => {
    const { model, pairs = [] } = present?.experiment ?? {};
    return (
      model === info?.label ||
      pairs.some(({ target, image, sound }) => (target ?? image ?? sound) !== undefined)
    );
  });
  if (!info?.reads || info.reads.isAsked || fits) return null;
  return (
    <p className="note" role="status">
      {info.label} reads more than a text.{' '}
      <button type="button" className="button-plain" onClick={() => page.edit(() => documentOf(begun(info)))}>
        Begin a sweep for it
      </button>
    </p>
  );
}
