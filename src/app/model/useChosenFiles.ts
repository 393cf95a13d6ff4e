// From files that were chosen or dropped to what they are: a saved experiment or result opens on its page, a model is loaded,
// and anything else is a sentence that says why not.

import { useCallback } from 'react';
import { isExperimentFile } from '../experiment/opening.ts';
import { useWorkbench } from '../workbenchContext.tsx';
import { type FoundFile, modelFilesIn } from './modelFiles.ts';

export function useChosenFiles(): (found: readonly FoundFile[]) => void {
  const { model, opening, page } = useWorkbench();
  return useCallback(
    (found) => {
      const files = found.map(({ file }) => file);
      const [first] = files;
      if (first !== undefined && isExperimentFile(files)) {
        page.getState().open(null);
        void opening.getState().openFile(first);
        return;
      }
      const chosen = modelFilesIn(found);
      const { start, refuse, info } = model.getState();
      if (info !== null) page.getState().open('model');
      if (chosen.ok) void start('files', chosen.label, { kind: 'files', files: chosen.files });
      else refuse('files', chosen.label, chosen.message);
    },
    [model, opening, page],
  );
}
