// The names of the classes of a classifier, to choose from where one is asked for.

import { useEffect, useState } from 'react';
import { useModel, useWorkbench } from '../workbenchContext.tsx';

const none: readonly string[] = [];

/** Empty for a model that predicts tokens, and until they are known. */
export function useClassNames(): readonly string[] {
  const { engine } = useWorkbench();
  const model = useModel((state) => state.info);
  const [known, setKnown] = useState<{ readonly of: object; readonly names: readonly string[] }>();
  useEffect(() => {
    if (!model?.reads?.isAlone) return;
    let isLate = false;
    const ids = Array.from({ length: model.vocabularySize }, (_, id) => id);
    engine.describeTokens(ids).then(
      (tokens) => {
        if (!isLate) setKnown({ of: model, names: tokens.map(({ text }) => text) });
      },
      // Another model was loaded meanwhile; a name can still be typed.
      () => {},
    );
    return () => {
      isLate = true;
    };
  }, [engine, model]);
  return known?.of === model ? known.names : none;
}
