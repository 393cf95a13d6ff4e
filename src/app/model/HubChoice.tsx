// A model from a Hub, by its id or its page's address, at a revision.

import { type HTMLAttributes, useId } from 'react';
import { useHub } from '../workbenchContext.tsx';
import { LoadState } from './LoadState.tsx';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly type?: 'text' | 'password';
  readonly note?: string;
  readonly inputMode?: HTMLAttributes<HTMLInputElement>['inputMode'];
  readonly onChange: (value: string) => void;
}

function Field({ label, value, placeholder, type = 'text', note, inputMode, onChange }: FieldProps) {
  const id = useId();
  const noteId = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type={type}
        className="mono"
        value={value}
        placeholder={placeholder}
        inputMode={inputMode}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        aria-describedby={note === undefined ? undefined : noteId}
        onChange={(event) => onChange(event.target.value)}
      />
      {note !== undefined && (
        <p id={noteId} className="mute small">
          {note}
        </p>
      )}
    </div>
  );
}

export function HubChoice() {
  const { repository, revision, hubUrl, file } = useHub((state) => state.fields);
  const accessToken = useHub((state) => state.accessToken);
  const write = useHub((state) => state.write);
  const setAccessToken = useHub((state) => state.setAccessToken);
  const submit = useHub((state) => state.submit);

  return (
    <section className="choice">
      <h3>From the Hub</h3>
      <form
        className="hub"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <div className="hub-fields">
          <Field
            label="Model id"
            value={repository}
            placeholder="owner/name"
            onChange={(text) => write({ repository: text })}
          />
          <Field label="Revision" value={revision} onChange={(text) => write({ revision: text })} />
          <button type="submit" className="button">
            Load from the Hub
          </button>
        </div>
        <details>
          <summary>Advanced</summary>
          <div className="hub-advanced">
            <Field
              label="Access token"
              type="password"
              value={accessToken}
              note="For private and gated models. It is forgotten when the page closes, and sent to the Hub only."
              onChange={setAccessToken}
            />
            <Field
              label="GGUF or ONNX file"
              value={file}
              placeholder="name.gguf or onnx/model.onnx"
              note="An ONNX file always, a GGUF file where a repository holds several."
              onChange={(text) => write({ file: text })}
            />
            <Field
              label="Address of the Hub"
              value={hubUrl}
              inputMode="url"
              onChange={(text) => write({ hubUrl: text })}
            />
          </div>
        </details>
      </form>
      <LoadState origin="hub" />
    </section>
  );
}
