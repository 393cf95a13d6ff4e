// What is done to the model: the answer that is watched, how the subject is corrupted, and what is put back. One line says
// it all; the fields open below it.

import { useState } from 'react';
import { useStore } from 'zustand';
import { UndoButtons } from '../experiment/UndoButtons.tsx';
import { TokenPicker } from '../prompt/TokenPicker.tsx';
import { useWorkbench } from '../workbenchContext.tsx';
import { useDocument, useDraft, useOwn, useOwnPage } from './hooks.ts';
import { CorruptionFields, StreamFields } from './SettingsFields.tsx';
import { settingsSummary } from './settingsSummary.ts';

const fieldsId = 'trace-fields';

function Answers() {
  const page = useOwnPage();
  const draft = useDraft();
  const { shown, key, world } = useOwn((state) => state);
  const names = useStore(useWorkbench().tokenNames, (state) => state.names);
  const candidates = world.readings[0]?.prediction?.candidates ?? [];
  const stored =
    shown !== null && shown.key === key && draft.answer === null ? shown.result.answer.text : null;
  const own = candidates[0]?.text ?? stored;
  const nameOf = (id: number) =>
    names.get(id)?.text ?? candidates.find((each) => each.id === id)?.text ?? null;
  const pick = (name: 'answer' | 'distractor') => (token: string | number | null) =>
    page.edit((document) => ({
      ...document,
      [name]: token === null ? null : { token, prompt: document.prompt },
    }));
  return (
    <span className="setting-pair">
      <TokenPicker
        label="Answer"
        picked={draft.answer}
        none="the model’s own"
        noneToken={own}
        candidates={candidates}
        nameOf={nameOf}
        onPick={pick('answer')}
      />
      <TokenPicker
        label="Distractor"
        picked={draft.distractor}
        none="none"
        noneToken={null}
        candidates={candidates}
        nameOf={nameOf}
        onPick={pick('distractor')}
      />
    </span>
  );
}

export function TraceSettings() {
  const [isOpen, setIsOpen] = useState(false);
  const document = useDocument();
  const { problems, streams } = useDraft();
  const hidden = ['level', 'samples', 'seed', 'replacement', 'streams'] as const;
  const hasProblem = hidden.some((name) => problems.has(name));
  return (
    <div className="settings">
      <div className="settings-line">
        <Answers />
        {settingsSummary(document, streams).map(([name, value]) => (
          <span key={name} className="setting-said">
            <span className="setting-name">{name}</span> {value}
          </span>
        ))}
        <span className="settings-open">
          <UndoButtons />
          <button
            type="button"
            className="button"
            aria-expanded={isOpen}
            aria-controls={fieldsId}
            onClick={() => setIsOpen(!isOpen)}
          >
            {isOpen ? 'Close settings' : 'Change settings'}
            {hasProblem && !isOpen && (
              <span className="visually-hidden">, something in them is to be put right</span>
            )}
          </button>
        </span>
      </div>
      <div id={fieldsId} hidden={!isOpen} className="settings-fields">
        <CorruptionFields />
        <StreamFields />
      </div>
    </div>
  );
}
