// Prompts for the model in use, where those that stand here were made for one that reads something else.

import { usePageOf } from '../experiment/pageContext.tsx';
import { useBench, useBenchState, useDocument } from './benchContext.tsx';
import type { PatchTypes } from './page.ts';
import { documentFor, whyNotFor } from './promptExamples.ts';

export function BeginForModel() {
  const { page, hand } = useBench();
  const { definition } = usePageOf<PatchTypes>('intervene');
  const model = useBenchState((state) => state.model);
  const document = useDocument();
  const examples = definition.examples.flatMap(({ texts }) => texts);
  const why = model && whyNotFor(document, model, examples);
  if (model === null || why === null) return null;
  return (
    <p className="note" role="status">
      {why}{' '}
      <button
        type="button"
        className="button-plain"
        onClick={() => {
          page.edit(() => documentFor(model));
          hand.drop();
        }}
      >
        Begin with prompts for it
      </button>
    </p>
  );
}
