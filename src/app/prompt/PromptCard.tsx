// The prompt strip: the text, its tokens, their count against what the model can read, and what is wrong with them.

import { useState } from 'react';
import { promptFieldId } from '../frame/useShortcuts.ts';
import { formatCount } from '../quantities.ts';
import { useModel, usePrompt, useSetPrompt } from '../workbenchContext.tsx';
import { continuedPrompt } from './mask.ts';
import { examplePrompts, isCurrent, type Run } from './promptStore.ts';
import { TokenChips } from './TokenChips.tsx';
import { TokenText } from './TokenText.tsx';

function Invitation() {
  const setText = useSetPrompt();
  return (
    <div className="invitation">
      <p>Type a prompt to see its tokens and what the model expects next, or start from one of these.</p>
      {examplePrompts.map((example) => (
        <button key={example} type="button" className="button" onClick={() => setText(example)}>
          {example}
        </button>
      ))}
    </div>
  );
}

interface PromptNotesProps {
  readonly text: string;
  readonly run: Run;
  readonly onChange: (text: string) => void;
}

/** What is wrong with a prompt, and the way on. */
export function PromptNotes({ text, run, onChange }: PromptNotesProps) {
  if (run.status === 'tooLong') {
    return (
      <p className="problem" role="alert">
        The prompt has {formatCount(run.count)} tokens; this model reads at most {formatCount(run.limit)}.
        Shorten it by {formatCount(run.count - run.limit)} to run it.
      </p>
    );
  }
  if (!/[^ ] +$/.test(text)) return null;
  return (
    <p className="note">
      The prompt ends with a space. Most models expect the space at the start of the next word.{' '}
      <button type="button" className="button-plain" onClick={() => onChange(text.replace(/ +$/, ''))}>
        Remove it
      </button>
    </p>
  );
}

function Tokens() {
  const model = useModel((state) => state.info);
  const text = usePrompt((state) => state.text);
  const tokens = usePrompt((state) => state.tokens);
  const prediction = usePrompt((state) => state.prediction);
  const setText = useSetPrompt();
  const [looked, setLooked] = useState<number | null>(null);
  if (model === null) return <p className="mute strip-hint">Tokens appear here once a model is loaded.</p>;
  if (tokens === null || tokens.model !== model)
    return <p className="mute strip-hint">Splitting into tokens.</p>;

  const isStale = !isCurrent(tokens, text, model);
  const best = prediction?.value.candidates[0];
  const next = best !== undefined && !isStale && isCurrent(prediction, text, model) ? best : null;
  const token = looked === null ? undefined : tokens.value[looked];
  return (
    <>
      <TokenChips
        tokens={tokens.value}
        isStale={isStale}
        limit={model.maxPositions}
        next={next}
        onLook={setLooked}
        onAppend={(more) => setText(continuedPrompt(text, model.isCausal ? undefined : model.mask, more))}
      />
      <p className="strip-line small">
        <span>
          {formatCount(tokens.value.length)} of {formatCount(model.maxPositions)} positions
          {isStale && ', for the text before this edit'}
        </span>
        {token !== undefined && (
          <span className="strip-token" aria-hidden="true">
            position {looked} · id {token.id}
            {token.isSpecial && ' · special'} ·{' '}
            <span className="mono">
              <TokenText text={token.text} />
            </span>
          </span>
        )}
      </p>
    </>
  );
}

export function PromptCard() {
  const text = usePrompt((state) => state.text);
  const run = usePrompt((state) => state.run);
  const setText = useSetPrompt();
  return (
    <section className="card prompt" aria-labelledby="prompt-title">
      <div className="card-head">
        <h2 id="prompt-title">
          <label htmlFor={promptFieldId}>Prompt</label>
        </h2>
      </div>
      <textarea
        id={promptFieldId}
        className="prompt-text mono"
        dir="auto"
        rows={2}
        value={text}
        spellCheck={false}
        placeholder="Text for the model to go on from"
        onChange={(event) => setText(event.target.value)}
      />
      {text === '' ? <Invitation /> : <Tokens />}
      <PromptNotes text={text} run={run} onChange={setText} />
    </section>
  );
}
