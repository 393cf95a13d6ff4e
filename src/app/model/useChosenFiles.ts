// From files that were chosen or dropped to a load, or to the sentence that says why not.

import { useCallback } from 'react';
import { useWorkbench } from '../workbenchContext.tsx';
import { type FoundFile, modelFilesIn } from './modelFiles.ts';

export function useChosenFiles(): (found: readonly FoundFile[]) => void {
  const { model } = useWorkbench();
  return useCallback(
    (found) => {
      const chosen = modelFilesIn(found);
      const { start, refuse } = model.getState();
      if (chosen.ok) void start('files', chosen.label, { kind: 'files', files: chosen.files });
      else refuse('files', chosen.label, chosen.message);
    },
    [model],
  );
}
