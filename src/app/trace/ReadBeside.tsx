// What a model reads beside its prompt, under the prompt: the target, the picture with the patches that are corrupted, the sound.

import { traceDefaults } from '../../experiments/trace/experiment.ts';
import type { ModelReads } from '../../worker/protocol.ts';
import { TextField, type TextFieldProps } from '../experiment/TextField.tsx';
import { FileDrop } from '../prompt/FileDrop.tsx';
import { hasTarget } from '../prompt/hasTarget.ts';
import { type Box, PatchGrid } from '../prompt/PatchGrid.tsx';
import { TargetField } from '../prompt/TargetField.tsx';
import type { TraceDocument } from './document.ts';
import type { FieldName } from './draft.ts';
import { useDocument, useDraft, useOwnPage } from './hooks.ts';
import { isCut } from './readBeside.ts';

function useEdit(): (change: Partial<TraceDocument>, field?: string) => void {
  const page = useOwnPage();
  return (change, field) => page.edit((document) => ({ ...document, ...change }), field);
}

function Line({ name, ...rest }: Omit<TextFieldProps, 'problem'> & { readonly name?: FieldName }) {
  const { problems } = useDraft();
  return <TextField {...rest} problem={name && problems.get(name)} />;
}

function Picture({
  reads,
  patches,
}: {
  readonly reads: ModelReads;
  readonly patches: NonNullable<ModelReads['patches']>;
}) {
  const { image, subject, prompt } = useDocument();
  const { part, problems } = useDraft();
  const edit = useEdit();
  const box = part && 'patches' in part ? part.patches : null;
  const mark = (next: Box) => edit({ subject: { kind: 'patches', box: next } }, 'subject');
  return (
    <FileDrop
      kind="image"
      label="Picture"
      given={image}
      problem={problems.get('given')}
      onGive={(given) => edit({ image: given })}
    >
      {image !== null && 'data' in image && (
        <PatchGrid data={image.data} picture={reads.picture} patches={patches} box={box} onMark={mark} />
      )}
      {subject.kind === 'patches' && prompt.trim() !== '' && (
        <button type="button" className="button-plain" onClick={() => edit({ subject: { kind: 'guessed' } })}>
          Corrupt words instead
        </button>
      )}
    </FileDrop>
  );
}

function Sound() {
  const { sound, subject } = useDocument();
  const { problems } = useDraft();
  const edit = useEdit();
  const [from, to] = subject.kind === 'seconds' ? [subject.from, subject.to] : ['', ''];
  return (
    <>
      <FileDrop
        kind="sound"
        label="Sound"
        given={sound}
        problem={problems.get('given')}
        onGive={(given) => edit({ sound: given })}
      />
      <Line
        label="Corrupted from"
        hint="Seconds; empty to corrupt words"
        value={from}
        name="subject"
        onChange={(next) => edit({ subject: { kind: 'seconds', from: next, to } }, 'from')}
      />
      <Line
        label="to"
        hint="Seconds"
        value={to}
        onChange={(next) => edit({ subject: { kind: 'seconds', from, to: next } }, 'to')}
      />
    </>
  );
}

export function ReadBeside() {
  const { reads } = useDraft();
  const { target, parts } = useDocument();
  const edit = useEdit();
  if (reads === null) return null;
  return (
    <div className="fields read-beside">
      {hasTarget(reads) && (
        <TargetField value={target} onChange={(next) => edit({ target: next }, 'target')} />
      )}
      {reads.kind === 'image' && reads.patches && <Picture reads={reads} patches={reads.patches} />}
      {reads.kind === 'sound' && <Sound />}
      {isCut(reads) && (
        <Line
          label="Parts"
          hint={
            reads.kind === 'image'
              ? `Squares across and down that are put back together; default ${traceDefaults.parts.image}`
              : `Stretches that are put back together; default ${traceDefaults.parts.sound}`
          }
          name="parts"
          value={parts}
          onChange={(next) => edit({ parts: next }, 'parts')}
        />
      )}
    </div>
  );
}
