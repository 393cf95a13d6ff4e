// What is done to the model: the answer that is watched, how the subject is corrupted, and what is put back. One line says
// it all; the fields open below it.

import { useState } from 'react';
import { useStore } from 'zustand';
import { isCurrent } from '../prompt/promptStore.ts';
import { useDraft, useModel, usePrompt, useTrace, useWorkbench } from '../workbenchContext.tsx';
import { CorruptionFields, StreamFields } from './SettingsFields.tsx';
import { settingsSummary } from './settingsSummary.ts';
import { TokenPicker } from './TokenPicker.tsx';

const fieldsId = 'trace-fields';

function Answers() {
  const inputs = useTrace((state) => state.inputs);
  const edit = useTrace((state) => state.edit);
  const shown = useTrace((state) => state.shown);
  const draft = useDraft();
  const text = usePrompt((state) => state.text);
  const model = useModel((state) => state.info);
  const prediction = usePrompt((state) => state.prediction);
  const names = useStore(useWorkbench().tokenNames, (state) => state.names);
  const candidates = isCurrent(prediction, text, model) ? (prediction?.value.candidates ?? []) : [];
  const stored =
    shown !== null && shown.key === draft.key && inputs.answer === null ? shown.result.answer.text : null;
  const own = candidates[0]?.text ?? stored;
  const nameOf = (id: number) =>
    names.get(id)?.text ?? candidates.find((each) => each.id === id)?.text ?? null;
  return (
    <span className="setting-pair">
      <TokenPicker
        label="Answer"
        picked={inputs.answer}
        none="the model’s own"
        noneToken={own}
        candidates={candidates}
        nameOf={nameOf}
        onPick={(answer) => edit({ answer })}
      />
      <TokenPicker
        label="Distractor"
        picked={inputs.distractor}
        none="none"
        noneToken={null}
        candidates={candidates}
        nameOf={nameOf}
        onPick={(distractor) => edit({ distractor })}
      />
    </span>
  );
}

export function TraceSettings() {
  const [isOpen, setIsOpen] = useState(false);
  const inputs = useTrace((state) => state.inputs);
  const { problems } = useDraft();
  const hidden = ['level', 'samples', 'seed', 'replacement', 'streams'] as const;
  const hasProblem = hidden.some((name) => problems.has(name));
  return (
    <div className="settings">
      <div className="settings-line">
        <Answers />
        {settingsSummary(inputs).map(([name, value]) => (
          <span key={name} className="setting-said">
            <span className="setting-name">{name}</span> {value}
          </span>
        ))}
        <button
          type="button"
          className="button settings-open"
          aria-expanded={isOpen}
          aria-controls={fieldsId}
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? 'Close settings' : 'Change settings'}
          {hasProblem && !isOpen && (
            <span className="visually-hidden">, something in them is to be put right</span>
          )}
        </button>
      </div>
      <div id={fieldsId} hidden={!isOpen} className="settings-fields">
        <CorruptionFields />
        <StreamFields />
      </div>
    </div>
  );
}
