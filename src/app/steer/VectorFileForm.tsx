// A vector from a file: chosen, and for a control vector the question that no file answers, who wrote it.

import { useRef, useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { layersOfComponent } from '../model/componentLayers.ts';
import type { FoundFile } from '../model/modelFiles.ts';
import { outlineOf } from '../patch/outline.ts';
import { useModel } from '../workbenchContext.tsx';
import { withVector } from './changes.ts';
import type { SteerDocument } from './document.ts';
import { useOwnPage } from './hooks.ts';
import { rangesText } from './numberFields.ts';
import type { ControlVectorWriter, FoundVector } from './vectorFiles.ts';

/** The vectors, each applied once: where the file does not say a layer, in the middle. */
export function withFoundVectors(
  document: SteerDocument,
  found: readonly FoundVector[],
  layerCount: number,
): SteerDocument {
  return found.reduce((next, { name, component, layers, numbers }) => {
    const middle = Math.floor(layerCount / 2);
    const own = layers ?? [middle];
    const added = withVector(
      next,
      {
        name,
        component,
        layers: rangesText(own),
        heads: '',
        normalize: false,
        origin: { kind: 'numbers', numbers },
      },
      own[0] ?? middle,
    );
    const edit = added.edits.at(-1);
    if (!edit) return added;
    const raw = { ...edit, strength: '1', unit: 'raw' as const, layers: rangesText(own) };
    return { ...added, edits: [...added.edits.slice(0, -1), raw] };
  }, document);
}

const isControlVector = (files: readonly FoundFile[]): boolean =>
  files.length === 1 && /\.gguf$/i.test(files[0]?.path ?? '');

export function VectorFileForm() {
  const page = useOwnPage();
  const model = useModel((state) => state.info);
  const [asked, setAsked] = useState<readonly FoundFile[] | null>(null);
  const [message, setMessage] = useState<{ readonly text: string; readonly isProblem: boolean } | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);

  async function read(files: readonly FoundFile[], writer: ControlVectorWriter) {
    setAsked(null);
    if (model === null)
      return setMessage({
        text: 'A file is opened once there is a model to check it against.',
        isProblem: true,
      });
    try {
      const { readVectorFiles } = await import('./vectorFiles.ts');
      const { vectors, note } = await readVectorFiles(files, outlineOf(model), writer);
      page.edit((document) => withFoundVectors(document, vectors, layersOfComponent(model, 'block_output')));
      const names = vectors.map(({ name }) => `“${name}”`).join(', ');
      setMessage({ text: `Opened ${names}.${note === null ? '' : ` ${note}`}`, isProblem: false });
    } catch (cause) {
      setMessage({ text: messageOf(cause), isProblem: true });
    }
  }

  function take(list: FileList | null) {
    const files = [...(list ?? [])].map((each) => ({
      path: each.webkitRelativePath || each.name,
      file: each,
    }));
    if (files.length === 0) return;
    setMessage(null);
    if (isControlVector(files)) setAsked(files);
    else void read(files, 'repeng');
  }

  const input = (isFolder: boolean) => (
    <input
      ref={isFolder ? folder : file}
      type="file"
      hidden
      aria-label={isFolder ? 'A folder of a vector' : 'A file of a vector'}
      {...(isFolder ? { multiple: true, webkitdirectory: '' } : { accept: '.gguf,.safetensors,.json' })}
      onChange={({ target }) => {
        take(target.files);
        target.value = '';
      }}
    />
  );
  return (
    <>
      <button
        type="button"
        className="button"
        title="A control vector in GGUF, safetensors, or JSON"
        onClick={() => file.current?.click()}
      >
        From a file
      </button>
      <button
        type="button"
        className="button"
        title="A folder that pyvene saved"
        onClick={() => folder.current?.click()}
      >
        From a pyvene folder
      </button>
      {input(false)}
      {input(true)}
      {asked !== null && (
        <fieldset className="steer-asked">
          <legend className="visually-hidden">Who wrote the file</legend>
          <p>
            Who wrote <b>{asked[0]?.path}</b>? Nothing in the file says, and one writer names layers one too
            high.
          </p>
          <div className="steer-adds">
            <button type="button" className="button" onClick={() => void read(asked, 'repeng')}>
              repeng, or Patchbay
            </button>
            <button type="button" className="button" onClick={() => void read(asked, 'cvector-generator')}>
              llama.cpp’s cvector-generator
            </button>
            <button type="button" className="button-plain" onClick={() => setAsked(null)}>
              Leave it
            </button>
          </div>
        </fieldset>
      )}
      <p className={message?.isProblem ? 'field-problem steer-wide' : 'mute small steer-wide'} role="status">
        {message?.text}
      </p>
    </>
  );
}
