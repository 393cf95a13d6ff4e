// Opens a folder that pyvene saved: chosen, or dropped on the card of the configuration.

import { type DragEvent, type ReactNode, useRef, useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { droppedItems, filesOf } from '../model/droppedFiles.ts';
import type { FoundFile } from '../model/modelFiles.ts';
import { useBench } from './benchContext.tsx';
import { openPyveneFolder } from './pyveneFiles.ts';

export function useOpenFolder() {
  const { page, draftOf } = useBench();
  const [message, setMessage] = useState<string | null>(null);
  const open = async (files: readonly FoundFile[]) => {
    try {
      const { outline, tokens } = draftOf(page.store.getState());
      if (!outline || !tokens || tokens.base.length === 0)
        return setMessage('A folder opens once there is a model and a base prompt.');
      const read = await openPyveneFolder(outline, files, tokens);
      page.edit((document) => ({ ...document, ...read }));
      setMessage(
        `Opened ${read.cables.length} ${read.cables.length === 1 ? 'intervention' : 'interventions'}, at the last positions; move them where they belong.`,
      );
    } catch (cause) {
      setMessage(messageOf(cause));
    }
  };
  return { message, open };
}

export function DropZone({
  onFiles,
  children,
}: {
  readonly onFiles: (files: readonly FoundFile[]) => void;
  readonly children: ReactNode;
}) {
  const onDrop = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    // Elsewhere on the page a dropped folder is a model.
    event.preventDefault();
    event.nativeEvent.stopImmediatePropagation();
    void filesOf(droppedItems(event.dataTransfer)).then(onFiles);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button beside it is the way of the keys
    <div className="drop-zone" onDrop={onDrop} onDragOver={(event) => event.preventDefault()}>
      {children}
    </div>
  );
}

export function OpenFolderButton({ onFiles }: { readonly onFiles: (files: readonly FoundFile[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        className="button"
        title="A folder that pyvene saved; it can be dropped here too"
        onClick={() => input.current?.click()}
      >
        Open a pyvene folder
      </button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="A folder that pyvene saved"
        multiple
        {...{ webkitdirectory: '' }}
        onChange={({ target }) => {
          const files = [...(target.files ?? [])].map((file) => ({
            path: file.webkitRelativePath || file.name,
            file,
          }));
          if (files.length > 0) onFiles(files);
          target.value = '';
        }}
      />
    </>
  );
}
