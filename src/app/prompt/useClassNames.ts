// The names of the classes of a classifier, to choose from where one is asked for.

import { useEffect, useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { useModel, useWorkbench } from '../workbenchContext.tsx';

export interface ClassNamesKnown {
  /** Empty for a model that predicts tokens, and until they are known. */
  readonly names: readonly string[];
  /** Why they could not be read. */
  readonly problem: string | null;
}

const none: ClassNamesKnown = { names: [], problem: null };

export function useClassNames(): ClassNamesKnown {
  const { engine } = useWorkbench();
  const model = useModel((state) => state.info);
  const [known, setKnown] = useState<ClassNamesKnown & { readonly of: object }>();
  useEffect(() => {
    if (!model?.reads?.isAlone) return;
    let isLate = false;
    const ids = Array.from({ length: model.vocabularySize }, (_, id) => id);
    engine.describeTokens(ids).then(
      (tokens) => {
        if (!isLate) setKnown({ of: model, names: tokens.map(({ text }) => text), problem: null });
      },
      (cause: unknown) => {
        // What is said of a model that was left meanwhile is of no use to the one that came.
        if (!isLate) setKnown({ of: model, names: [], problem: messageOf(cause) });
      },
    );
    return () => {
      isLate = true;
    };
  }, [engine, model]);
  return known?.of === model ? known : none;
}
