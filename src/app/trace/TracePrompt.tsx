// The prompt of a trace: its text, its tokens with the subject marked, and what the model would say next.

import type { TokenRange } from '../../experiments/promptText.ts';
import { usePromptOf } from '../experiment/pageContext.tsx';
import { promptFieldId } from '../frame/useShortcuts.ts';
import { MarkableChips } from '../prompt/MarkableChips.tsx';
import { continuedPrompt } from '../prompt/mask.ts';
import { PromptNotes } from '../prompt/PromptCard.tsx';
import { TokenText } from '../prompt/TokenText.tsx';
import { spokenToken } from '../prompt/tokenText.ts';
import { formatCount, formatRoundPercent } from '../quantities.ts';
import { useModel } from '../workbenchContext.tsx';
import { subjectOf } from './document.ts';
import { useDocument, useDraft, useOwn, useOwnPage } from './hooks.ts';
import { ReadBeside } from './ReadBeside.tsx';
import { rangeText } from './subject.ts';

function GhostChip() {
  const page = useOwnPage();
  const best = useOwn(({ world }) => world.readings[0]?.prediction?.candidates[0]);
  const { prompt } = useDocument();
  const model = useModel((state) => state.info);
  if (best === undefined || model === null) return null;
  const { isCausal, mask } = model;
  const does = isCausal ? 'Add the most probable next token' : 'Fill the mask with the most probable token';
  return (
    <button
      type="button"
      className="chip chip-ghost mono"
      title={isCausal ? 'Add this token to the prompt' : 'Put this token in the place of the mask'}
      aria-label={`${does}, ${spokenToken(best.text)}, ${formatRoundPercent(best.probability)}`}
      onClick={() => page.setPrompt(0, continuedPrompt(prompt, isCausal ? undefined : mask, best.text))}
    >
      {!isCausal && mask !== undefined && `${mask.text} `}
      <TokenText text={best.text} /> <span>{formatRoundPercent(best.probability)}</span>
    </button>
  );
}

function SubjectLine() {
  const { tokens, subject, part, isSubjectGuessed } = useDraft();
  const { prompt } = useDocument();
  const model = useModel((state) => state.info);
  if (tokens === null) return null;
  return (
    <p className="strip-line small">
      <span>
        {part !== null ? (
          'A part of what the model reads is corrupted. Drag over tokens to corrupt words instead.'
        ) : subject === null ? (
          'Drag over the tokens that the prompt is about, its subject; by touch, tap the first and the last.'
        ) : (
          <>
            Subject{' '}
            <span className="mono subject-name">
              <TokenText text={rangeText(tokens, subject, prompt).trim()} />
            </span>
            {isSubjectGuessed ? ', guessed. ' : '. '}
            Drag over tokens to mark another; by touch, tap its first and its last.
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
  const page = useOwnPage();
  const { tokens, subject, model: label } = useDraft();
  const earlier = usePromptOf(0, (state) => state.tokens);
  const model = useModel((state) => state.info);
  // While a new text is split, the chips of the one before stay where they are.
  const shown = tokens ?? (earlier !== null && earlier.model === model ? earlier.value : null);
  if (shown === null) {
    return (
      <p className="mute strip-hint">
        {model === null ? 'Tokens appear here once a model is loaded.' : 'Splitting into tokens.'}
      </p>
    );
  }
  const mark = (range: TokenRange) => {
    if (tokens === null || label === null) return;
    page.edit(
      (document) => ({ ...document, subject: subjectOf(document.prompt, tokens, range, label) }),
      'subject',
    );
  };
  return (
    <div className="strip" data-stale={tokens === null}>
      <MarkableChips
        label="Tokens of the prompt; the subject is selected"
        tokens={shown}
        marked={tokens === null ? null : subject}
        isStale={tokens === null}
        limit={model?.maxPositions ?? Number.POSITIVE_INFINITY}
        onMark={mark}
      />
      <GhostChip />
    </div>
  );
}

/** What a prompt should be, of this model. */
function useInvitation() {
  const model = useModel((state) => state.info);
  if (model?.reads) {
    const { kind, isAlone, isAsked } = model.reads;
    if (isAsked)
      return {
        text: 'A question about the picture',
        example: 'what is on the street?',
        hint: 'Type the question about the picture; what the model has answered so far is the target.',
      };
    const beside = { text: 'a source', image: 'a picture', sound: 'a sound' }[kind];
    return kind === 'text'
      ? {
          text: 'The source',
          example: 'translate English to German: The house is small.',
          hint: 'Type the source that the model reads; what it has written so far is the target.',
        }
      : {
          text: isAlone ? 'Nothing: the model reads a picture alone' : 'What the model has written so far',
          example: isAlone ? 'nothing' : 'a photo of a',
          hint: isAlone
            ? 'This model reads a picture alone.'
            : `The model goes on from here with ${beside} before it; the text may be empty.`,
        };
  }
  if (model === null || model.isCausal || model.mask === undefined) {
    return {
      text: 'Text that ends just before the answer',
      example: 'The Eiffel Tower is located in the city of',
      hint: 'Type a prompt that ends just before the answer, or open an example.',
    };
  }
  const { text: mask } = model.mask;
  return {
    text: `Text with ${mask} where the answer belongs`,
    example: model.family === 'esm' ? `MKTAYIAK${mask}RQISFVK` : `The Eiffel Tower is in ${mask}, in France.`,
    hint: `Type a prompt with ${mask} where the answer belongs.`,
  };
}

export function TracePrompt() {
  const page = useOwnPage();
  const { prompt } = useDocument();
  const invitation = useInvitation();
  const reading = usePromptOf(0, (state) => state.run);
  const setText = (text: string) => page.setPrompt(0, text);
  return (
    <>
      <textarea
        id={promptFieldId}
        className="prompt-text trace-text mono"
        aria-labelledby="prompt-title"
        dir="auto"
        rows={1}
        value={prompt}
        spellCheck={false}
        placeholder={`${invitation.text}, such as: ${invitation.example}`}
        onChange={(event) => setText(event.target.value)}
      />
      {prompt === '' ? <p className="mute strip-hint">{invitation.hint}</p> : <Tokens />}
      {prompt !== '' && <SubjectLine />}
      <ReadBeside />
      <PromptNotes text={prompt} run={reading} onChange={setText} />
    </>
  );
}
