// Opens what a training has left: the folder of `patchbay run`, or one that was saved for pyvene here, or their result.

import { useRef, useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { useWorkbench } from '../workbenchContext.tsx';

/** React's types do not know it. */
const wholeFolder = { webkitdirectory: '' };

async function resultIn(files: readonly File[]): Promise<unknown> {
  const found = files.find(({ name }) => name === 'result.json');
  if (found === undefined)
    throw new Error(
      'The folder holds no result.json, so its task is not known. A folder of pyvene alone opens on the Patch page, as cables.',
    );
  try {
    return JSON.parse(await found.text());
  } catch {
    throw new Error('Its result.json is not complete JSON: a part of it is missing or changed.');
  }
}

export function OpenTraining() {
  const { opening } = useWorkbench();
  const input = useRef<HTMLInputElement>(null);
  const [message, setMessage] = useState<string | null>(null);
  const open = async (files: readonly File[]) => {
    try {
      await opening.getState().openValue(await resultIn(files));
      setMessage(null);
    } catch (cause) {
      setMessage(messageOf(cause));
    }
  };
  return (
    <>
      <button
        type="button"
        className="button"
        title="The folder of patchbay run, or one that was saved for pyvene here"
        onClick={() => input.current?.click()}
      >
        Open a folder
      </button>
      <input
        ref={input}
        type="file"
        hidden
        {...wholeFolder}
        aria-label="A folder of a training"
        onChange={({ target }) => {
          const files = [...(target.files ?? [])];
          target.value = '';
          if (files.length > 0) void open(files);
        }}
      />
      {message !== null && (
        <span className="run-problem" role="alert">
          {message}
        </span>
      )}
    </>
  );
}
