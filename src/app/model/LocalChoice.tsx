// A model on this machine: its folder, or its files.

import { useRef } from 'react';
import { LoadState } from './LoadState.tsx';
import { filesFromInput } from './modelFiles.ts';
import { useChosenFiles } from './useChosenFiles.ts';

interface PickerProps {
  readonly label: string;
  readonly input: { readonly webkitdirectory: string } | { readonly accept: string };
}

/** A button over a hidden file input: the input's own looks differ in every browser. */
function Picker({ label, input }: PickerProps) {
  const take = useChosenFiles();
  const field = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" className="button" onClick={() => field.current?.click()}>
        {label}
      </button>
      <input
        ref={field}
        type="file"
        multiple
        hidden
        aria-label={label}
        {...input}
        onChange={(event) => {
          const found = filesFromInput(event.target.files);
          // The same file may be chosen again after it was mended; without this, that is no change.
          event.target.value = '';
          if (found.length > 0) take(found);
        }}
      />
    </>
  );
}

export function LocalChoice() {
  return (
    <section className="choice">
      <h3>On this machine</h3>
      <div className="choice-line">
        <Picker label="Choose a folder" input={{ webkitdirectory: '' }} />
        <Picker label="Choose files" input={{ accept: '.gguf,.safetensors,.json,.onnx,.onnx_data,.data' }} />
      </div>
      <p className="mute small">
        A .gguf file; .safetensors with config.json and tokenizer.json; or .onnx with tokenizer.json. They can
        also be dropped anywhere on the page. They are read here and sent nowhere, even where the browser
        calls it an upload.
      </p>
      <LoadState origin="files" />
    </section>
  );
}
