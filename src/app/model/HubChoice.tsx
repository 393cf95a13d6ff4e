// A model from a Hub, by its id or its page's address, at a revision.

import { useId, useState } from 'react';
import { useModel } from '../workbenchContext.tsx';
import { defaultHubUrl, defaultRevision, readHubAddress } from './hubAddress.ts';
import { LoadState } from './LoadState.tsx';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly onChange: (value: string) => void;
}

function Field({ label, value, placeholder, onChange }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="mono"
        value={value}
        placeholder={placeholder}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}

export function HubChoice() {
  const start = useModel((state) => state.start);
  const refuse = useModel((state) => state.refuse);
  const [repository, setRepository] = useState('');
  const [revision, setRevision] = useState(defaultRevision);
  const [hubUrl, setHubUrl] = useState(defaultHubUrl);

  function load() {
    const read = readHubAddress({ repository, revision, hubUrl });
    if (!read.ok) return refuse('hub', repository.trim() || 'The Hub model', read.message);
    const { address } = read;
    setRevision(address.revision);
    setRepository(address.repository);
    setHubUrl(address.hubUrl);
    void start('hub', address.repository, { kind: 'hub', ...address });
  }

  return (
    <section className="choice">
      <h3>From the Hub</h3>
      <form
        className="hub"
        onSubmit={(event) => {
          event.preventDefault();
          load();
        }}
      >
        <div className="hub-fields">
          <Field label="Model id" value={repository} placeholder="owner/name" onChange={setRepository} />
          <Field label="Revision" value={revision} onChange={setRevision} />
          <button type="submit" className="button">
            Load from the Hub
          </button>
        </div>
        <details>
          <summary>Advanced</summary>
          <Field label="Address of the Hub" value={hubUrl} onChange={setHubUrl} />
        </details>
      </form>
      <LoadState origin="hub" />
    </section>
  );
}
