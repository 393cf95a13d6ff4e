// The prompt of a trace: its text, its tokens with the subject marked, and what the model would say next.

import { promptFieldId } from '../frame/useShortcuts.ts';
import { PromptNotes } from '../prompt/PromptCard.tsx';
import { isCurrent } from '../prompt/promptStore.ts';
import { TokenText } from '../prompt/TokenText.tsx';
import { spokenToken } from '../prompt/tokenText.ts';
import { formatCount, formatRoundPercent } from '../quantities.ts';
import { useDraft, useModel, usePrompt, useTrace } from '../workbenchContext.tsx';
import { SubjectChips } from './SubjectChips.tsx';
import { rangeText } from './subject.ts';

function GhostChip() {
  const model = useModel((state) => state.info);
  const text = usePrompt((state) => state.text);
  const prediction = usePrompt((state) => state.prediction);
  const setText = usePrompt((state) => state.setText);
  const best = isCurrent(prediction, text, model) ? prediction?.value.candidates[0] : undefined;
  if (best === undefined) return null;
  return (
    <button
      type="button"
      className="chip chip-ghost mono"
      title="Add this token to the prompt"
      aria-label={`Add the most probable next token, ${spokenToken(best.text)}, ${formatRoundPercent(best.probability)}`}
      onClick={() => setText(text + best.text)}
    >
      <TokenText text={best.text} /> <span>{formatRoundPercent(best.probability)}</span>
    </button>
  );
}

function SubjectLine() {
  const { tokens } = useDraft();
  const subject = useTrace((state) => state.inputs.subject);
  const isGuessed = useTrace((state) => state.isSubjectGuessed);
  const model = useModel((state) => state.info);
  if (tokens === null) return null;
  return (
    <p className="strip-line small">
      <span>
        {subject === null ? (
          'Drag over the tokens that the prompt is about, its subject.'
        ) : (
          <>
            Subject{' '}
            <span className="mono subject-name">
              <TokenText text={rangeText(tokens, subject).trim()} />
            </span>
            {isGuessed ? ', guessed. ' : '. '}
            Drag over tokens to mark another.
          </>
        )}
      </span>
      {model !== null && (
        <span>
          {formatCount(tokens.length)} of {formatCount(model.maxPositions)} positions
        </span>
      )}
    </p>
  );
}

function Tokens() {
  const { tokens } = useDraft();
  const earlier = usePrompt((state) => state.tokens);
  const model = useModel((state) => state.info);
  const subject = useTrace((state) => state.inputs.subject);
  const mark = useTrace((state) => state.mark);
  // While a new text is split, the chips of the one before stay where they are.
  const shown = tokens ?? (earlier !== null && earlier.model === model ? earlier.value : null);
  if (shown === null) {
    return (
      <p className="mute strip-hint">
        {model === null ? 'Tokens appear here once a model is loaded.' : 'Splitting into tokens.'}
      </p>
    );
  }
  return (
    <div className="strip" data-stale={tokens === null}>
      <SubjectChips
        tokens={shown}
        subject={tokens === null ? null : subject}
        isStale={tokens === null}
        limit={model?.maxPositions ?? Number.POSITIVE_INFINITY}
        onMark={mark}
      />
      <GhostChip />
    </div>
  );
}

export function TracePrompt() {
  const text = usePrompt((state) => state.text);
  const setText = usePrompt((state) => state.setText);
  return (
    <>
      <textarea
        id={promptFieldId}
        className="prompt-text trace-text mono"
        aria-labelledby="prompt-title"
        dir="auto"
        rows={1}
        value={text}
        spellCheck={false}
        placeholder="Text that ends just before the answer, such as: The Eiffel Tower is located in the city of"
        onChange={(event) => setText(event.target.value)}
      />
      {text === '' ? (
        <p className="mute strip-hint">Type a prompt that ends just before the answer, or open an example.</p>
      ) : (
        <Tokens />
      )}
      {text !== '' && <SubjectLine />}
      <PromptNotes />
    </>
  );
}
