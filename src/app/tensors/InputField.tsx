// One input of the model in one of the runs: typed as text or numbers, or the contents of a file.

import { type DragEvent, useId, useRef, useState } from 'react';
import type { Given } from '../../experiments/tensors/experiment.ts';
import type { ImportedStructure } from '../../imported/describe.ts';
import { messageOf } from '../../messages/wording.ts';
import { givenTyped, givenWords, typedOf } from './formed.ts';
import { useProblem } from './hooks.ts';

type Input = ImportedStructure['inputs'][number];

const accepted: Readonly<Record<Input['use'], string>> = {
  tokens: '.txt,.json,.npy,.safetensors,.csv',
  companion: '.json,.npy,.safetensors,.csv',
  picture: '.png,.jpg,.jpeg,.npy,.safetensors',
  numbers: '.npy,.safetensors,.json,.csv,.wav,.png,.jpg,.jpeg',
};

const hints: Readonly<Record<Input['use'], string>> = {
  tokens: 'Text for the tokenizer, or ids such as [101, 2023, 102].',
  companion: 'Made for the text unless it is given.',
  picture: 'A PNG or JPEG picture, or numbers in a file; it may be dropped here.',
  numbers: 'Numbers such as [[0.5, 1]], or a file of them.',
};

interface InputFieldProps {
  readonly input: Input;
  /** `clean`, `corrupted`: begins the name of its problem. */
  readonly run: 'clean' | 'corrupted' | 'reference';
  readonly given: Given | undefined;
  readonly onChange: (given: Given | undefined, field?: string) => void;
}

function Picture({ given }: { readonly given: Given }) {
  if (given.picture === undefined) return null;
  const kind = given.picture.startsWith('iVBOR') ? 'png' : 'jpeg';
  return (
    <img
      className="given-picture"
      src={`data:image/${kind};base64,${given.picture}`}
      alt={given.name ?? 'The picture that is given'}
    />
  );
}

export function InputField({ input, run, given, onChange }: InputFieldProps) {
  const id = useId();
  const chooser = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState<{ readonly text: string; readonly why: string } | null>(null);
  const missing = useProblem(`${run} ${input.name}`);
  const typed = wrong?.text ?? typedOf(given);
  const why = wrong?.why;

  async function take(file: File) {
    try {
      const { givenOfFile } = await import('../../experiments/tensors/files.ts');
      const { preprocessor } = given ?? {};
      const kept = preprocessor ? { preprocessor } : {};
      const bytes = new Uint8Array(await file.arrayBuffer());
      onChange(await givenOfFile(input.name, file.name, bytes, kept));
      setWrong(null);
    } catch (cause) {
      setWrong({ text: typedOf(given) ?? '', why: messageOf(cause) });
    }
  }

  function drop(event: DragEvent) {
    const [file, ...others] = event.dataTransfer.files;
    const isOwn = file && accepted[input.use].split(',').some((end) => file.name.toLowerCase().endsWith(end));
    // Models and experiments that are dropped here are the page's.
    if (!isOwn || others.length > 0) return;
    event.preventDefault();
    event.stopPropagation();
    void take(file);
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way to what the button does
    <div className="field given" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <label htmlFor={id}>
        {input.name}{' '}
        <span className="mute mono">
          {input.dtype} {input.axes}
        </span>
      </label>
      {typed === undefined && given !== undefined ? (
        <span className="given-line">
          <Picture given={given} />
          <span>{givenWords(given)}</span>
          <button type="button" className="button-plain" onClick={() => onChange(undefined)}>
            Take it away
          </button>
        </span>
      ) : (
        <textarea
          id={id}
          className="mono"
          rows={2}
          value={typed ?? ''}
          spellCheck={false}
          aria-invalid={why !== undefined}
          aria-describedby={`${id}-hint`}
          onChange={(event) => {
            const text = event.target.value;
            const read = givenTyped(text);
            setWrong(read.problem === undefined ? null : { text, why: read.problem });
            if (read.problem === undefined) onChange(read.given, `${run} ${input.name}`);
          }}
        />
      )}
      <span className="given-line">
        <button type="button" className="button" onClick={() => chooser.current?.click()}>
          Choose a file for {input.name}
        </button>
        <input
          ref={chooser}
          type="file"
          hidden
          accept={accepted[input.use]}
          aria-label={`File for ${input.name}, ${run}`}
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            event.target.value = '';
            if (file) void take(file);
          }}
        />
        <span id={`${id}-hint`} className={why === undefined && !missing ? 'field-hint' : 'field-problem'}>
          {why ?? missing ?? hints[input.use]}
        </span>
      </span>
    </div>
  );
}
