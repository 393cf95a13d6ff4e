// The components of the model in use that every layer has; before there is one, nothing is known.

import { useMemo } from 'react';
import type { ComponentDescription } from '../../architectures/architecture.ts';
import { outlineOf } from '../patch/outline.ts';
import { useModel } from '../workbenchContext.tsx';

export interface Components {
  readonly names: readonly string[];
  readonly components: readonly ComponentDescription[];
  readonly layerCount: number | null;
  readonly componentOf: (name: string) => ComponentDescription | undefined;
}

export function useComponents(): Components {
  const model = useModel((state) => state.info);
  return useMemo(() => {
    const all = (model === null ? [] : outlineOf(model).components).filter(({ scope }) => scope === 'layer');
    return {
      components: all,
      names: all.map(({ name }) => name),
      layerCount: model?.layerCount ?? null,
      componentOf: (name) => all.find((each) => each.name === name),
    };
  }, [model]);
}
