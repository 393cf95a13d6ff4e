// A sweep or path patch begun anew for the model in use, where what is shown was made for a model that reads something else.

import { useStore } from 'zustand';
import type { ModelInfo } from '../../worker/protocol.ts';
import { useWorkbench } from '../workbenchContext.tsx';
import { documentOf } from './document.ts';
import { useSweepDocument, useSweepPage } from './hooks.ts';

/** One empty pair, and the residual states of each stack, or the prediction that receives paths. */
function begun(kind: string, { label, components, reads }: ModelInfo): unknown {
  const states = components.flatMap(({ name, layers }) =>
    layers !== null && /(^|\.)block_output$/.test(name) ? [{ component: name }] : [],
  );
  const own = { kind, version: 1, model: label, pairs: [{ clean: '' }] };
  return kind !== 'patch' || reads?.isAlone ? own : { ...own, sweeps: states };
}

export function NewSweep() {
  const page = useSweepPage();
  const info = useStore(useWorkbench().model, (state) => state.info);
  const { model, pairs = [] } = useSweepDocument(page)?.experiment ?? {};
  const fits =
    model === info?.label ||
    pairs.some(({ target, image, sound }) => (target ?? image ?? sound) !== undefined);
  const { kind, noun } = page.definition;
  if (!info?.reads || fits) return null;
  return (
    <p className="note" role="status">
      {info.label} reads more than a text.{' '}
      <button
        type="button"
        className="button-plain"
        onClick={() => page.edit(() => documentOf(kind.read(begun(kind.name, info))))}
      >
        Begin a {noun} for it
      </button>
    </p>
  );
}
