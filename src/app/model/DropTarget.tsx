// The whole page takes dropped files and folders.

import { useEffect, useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { useWorkbench } from '../workbenchContext.tsx';
import { droppedItems, filesOf } from './droppedFiles.ts';
import { useChosenFiles } from './useChosenFiles.ts';

const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;

export function DropTarget() {
  const { model, page } = useWorkbench();
  const take = useChosenFiles();
  const [isOver, setIsOver] = useState(false);

  useEffect(() => {
    const onDragOver = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault(); // else the browser would open the file in place of the page
      setIsOver(true);
    };
    const onDragLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setIsOver(false);
    };
    // Also where a part of the page takes the drop for itself.
    const onAnyDrop = () => setIsOver(false);
    const onDrop = (event: DragEvent) => {
      if (!hasFiles(event) || event.dataTransfer === null) return;
      event.preventDefault();
      const { info, refuse } = model.getState();
      if (info !== null) page.getState().open('model');
      filesOf(droppedItems(event.dataTransfer)).then(take, (cause: unknown) =>
        refuse('files', 'What was dropped', messageOf(cause)),
      );
    };
    window.addEventListener('dragover', onDragOver);
    window.addEventListener('dragleave', onDragLeave);
    window.addEventListener('drop', onAnyDrop, { capture: true });
    window.addEventListener('drop', onDrop);
    return () => {
      window.removeEventListener('dragover', onDragOver);
      window.removeEventListener('dragleave', onDragLeave);
      window.removeEventListener('drop', onAnyDrop, { capture: true });
      window.removeEventListener('drop', onDrop);
    };
  }, [model, page, take]);

  return isOver ? <div className="drop">Drop a model's files or its folder</div> : null;
}
