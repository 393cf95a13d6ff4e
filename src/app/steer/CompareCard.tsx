// The texts side by side: drawn with the same random numbers, so that where they part is the edit and not luck.

import { useMemo, useState } from 'react';
import { steerKind } from '../../experiments/steer/kind.ts';
import type { SteerResult } from '../../experiments/steer/result.ts';
import { Choice } from '../experiment/Choice.tsx';
import { Exports } from '../experiment/Exports.tsx';
import { figureStatus } from '../experiment/figureStatus.ts';
import { figureId } from '../frame/useShortcuts.ts';
import { columnTitles } from './document.ts';
import { useOwn, useOwnPage } from './hooks.ts';
import { NoticesOfResult } from './Notices.tsx';
import { SpokenTexts } from './SpokenTexts.tsx';
import { Standing } from './Standing.tsx';
import { formatStrength } from './StrengthField.tsx';
import {
  endWords,
  measuresOf,
  type PointedToken,
  pointedToken,
  type Said,
  saidOf,
  shownTokens,
} from './shownTexts.ts';
import { TakeAlong } from './TakeAlong.tsx';
import { TokenCard } from './TokenCard.tsx';
import { TokenRun } from './TokenRun.tsx';

/** What stands under a column, each number with its unit. */
function Measures({ said, isPlain }: { readonly said: Said; readonly isPlain: boolean }) {
  if (said.whole === null) return null;
  const { perplexity, divergence, repetition, effect } = measuresOf(said.whole);
  const facts: readonly (readonly [string, string])[] = [
    ...(effect !== null && !isPlain
      ? [['Effect', `${effect > 0 ? '+' : ''}${formatStrength(effect)} nats`] as const]
      : []),
    ...(perplexity !== null ? [['Perplexity', formatStrength(perplexity)] as const] : []),
    ...(divergence !== null && !isPlain
      ? [['KL', `${formatStrength(divergence)} nats a token`] as const]
      : []),
    ...(repetition !== null ? [['Repeated', `${Math.round(100 * repetition)}\u202f%`] as const] : []),
  ];
  return (
    <dl className="steer-measures small">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface ColumnProps {
  readonly result: SteerResult;
  readonly said: Said;
  readonly isRunning: boolean;
  readonly chosen: number | null;
  readonly onLook: (step: number) => void;
  readonly onKeep: ((text: string) => void) | null;
}

function Column({ result, said, isRunning, chosen, onLook, onKeep }: ColumnProps) {
  const { column, direction, tokens, parts, whole } = said;
  const title =
    direction === null || result.experiment.directions === 1
      ? columnTitles[column]
      : `${columnTitles[column]} ${direction + 1}`;
  const end = whole && endWords[whole.end];
  const isBroken = whole === null && !isRunning && tokens.length > 0;
  return (
    <section className="steer-column" data-column={column} aria-label={title}>
      <h3>{title}</h3>
      {tokens.length === 0 ? (
        <p className="mute">{isRunning ? 'Begins.' : 'Nothing was said.'}</p>
      ) : (
        <TokenRun
          label={`New tokens, ${title.toLowerCase()}`}
          tokens={shownTokens(result, tokens)}
          logProbabilities={said.logProbabilities}
          parts={column === 'unsteered' ? null : parts}
          endIds={result.settings.eosIds}
          chosen={chosen}
          onLook={(step) => {
            if (step !== null) onLook(step);
          }}
        />
      )}
      {end && <p className={whole?.end === 'notFinite' ? 'field-problem' : 'mute small'}>{end}</p>}
      {isBroken && <p className="mute small">Stopped here; the text is kept.</p>}
      <Measures said={said} isPlain={column === 'unsteered'} />
      {onKeep !== null && whole !== null && (
        <button type="button" className="button" onClick={() => onKeep(said.text)}>
          Go on with this reply
        </button>
      )}
    </section>
  );
}

/** Which prompt of the result is in view. */
interface ChosenPrompt {
  /** Null for the one at hand. */
  readonly chosen: number | null;
  readonly onChoose: (place: number) => void;
}

interface ShownTextsProps extends ChosenPrompt {
  readonly result: SteerResult;
  readonly isRunning: boolean;
  /** Of the experiment that it belongs to. */
  readonly of: string;
  /** In a chat: what is done with a reply that one goes on from. */
  readonly onKeep: ((prompt: number, text: string) => void) | null;
}

function ShownTexts({ result, isRunning, of, chosen, onChoose, onKeep }: ShownTextsProps) {
  const { experiment, prompts } = result;
  const [wantedSample, setSample] = useState(0);
  const [wantedToken, setWantedToken] = useState<(PointedToken & { readonly of: string }) | null>(null);
  // While prompts are generated one by one, the one at hand is in view, unless another was chosen.
  const latest = result.said?.prompt ?? 0;
  const prompt = Math.min(chosen ?? latest, prompts.length - 1);
  const sample = Math.min(wantedSample, experiment.generation.samples - 1);
  const texts = useMemo(() => saidOf(result, prompt, sample), [result, prompt, sample]);
  if (prompts.length === 0) return null;
  const textsName = `${of} ${prompt} ${sample}`;
  const at = pointedToken(texts ?? [], wantedToken?.of === textsName ? wantedToken : null);
  const pointed = at === null ? undefined : texts?.[at.column];
  const nameOf = (place: number) => {
    const text = shownTokens(result, prompts[place]?.tokens ?? [])
      .map((token) => token.text)
      .join('');
    return text.length > 60 ? `…${text.slice(-60)}` : text;
  };
  return (
    <>
      {(prompts.length > 1 || experiment.generation.samples > 1) && (
        <div className="steer-which">
          {prompts.length > 1 && (
            <Choice
              label="Prompt"
              value={String(prompt)}
              choices={prompts.map((_, place) => [String(place), `${place + 1}  ${nameOf(place)}`] as const)}
              onChange={(next) => onChoose(Number(next))}
            />
          )}
          {experiment.generation.samples > 1 && (
            <Choice
              label="Sample"
              value={String(sample)}
              choices={Array.from(
                { length: experiment.generation.samples },
                (_, each) => [String(each), String(each + 1)] as const,
              )}
              onChange={(next) => setSample(Number(next))}
            />
          )}
        </div>
      )}
      {prompts.length === 1 && (
        <p className="steer-prompt mono small">
          <span className="mute">{prompts[0]?.rendered === null ? '' : 'Chat: '}</span>
          {nameOf(0)}
        </p>
      )}
      {texts === null ? (
        <p className="mute">
          {isRunning ? 'The texts of this prompt come next.' : 'No texts of this prompt.'}
        </p>
      ) : (
        <div className="steer-columns">
          {texts.map((said, column) => (
            <Column
              key={`${said.column} ${said.direction}`}
              result={result}
              said={said}
              isRunning={isRunning}
              chosen={at?.column === column ? at.step : null}
              onLook={(step) => setWantedToken({ column, step, of: textsName })}
              onKeep={onKeep && prompts[prompt]?.rendered ? (text) => onKeep(prompt, text) : null}
            />
          ))}
        </div>
      )}
      <p className="steer-legend small mute">
        <span className="steer-scale" aria-hidden="true" />
        The more tinted, the less probable the unsteered model finds a token. A bar marks where a text parts
        from the unsteered one.
      </p>
      {at !== null && pointed?.whole && (
        <TokenCard result={result} prompt={prompt} text={pointed.whole} step={at.step} />
      )}
      <SpokenTexts texts={texts ?? []} isRunning={isRunning} of={textsName} />
    </>
  );
}

interface CompareCardProps extends ChosenPrompt {
  readonly onKeep: ((prompt: number, text: string) => void) | null;
}

export function CompareCard({ chosen, onChoose, onKeep }: CompareCardProps) {
  const { face } = useOwnPage();
  const state = useOwn((each) => each);
  const { shown, run } = state;
  const isRunning = run.status === 'running' && !run.isQuiet;
  const status = shown && figureStatus(face, shown, state);
  const result = shown?.result ?? null;
  const hasMap = useMemo(() => result !== null && steerKind.show(result).figures.length > 0, [result]);
  return (
    <section
      className="card steer-compare"
      id={figureId}
      tabIndex={-1}
      aria-labelledby="compare-title"
      data-standing={status?.kind}
    >
      <div className="card-head">
        <h2 id="compare-title">Texts</h2>
        <Standing />
      </div>
      {result === null ? (
        <p className="mute">
          {isRunning
            ? 'The vectors are being made.'
            : 'The texts appear here side by side: as the model says them, steered, the other way, and in a random direction of the same length.'}
        </p>
      ) : (
        <>
          <ShownTexts
            result={result}
            isRunning={isRunning && shown?.key === run.key}
            of={shown?.key ?? ''}
            chosen={chosen}
            onChoose={onChoose}
            onKeep={status?.kind === 'stale' ? null : onKeep}
          />
          <NoticesOfResult notices={result.notices} />
          <TakeAlong result={result} />
          <Exports formats={hasMap ? ['SVG', 'PNG', 'CSV', 'JSON'] : ['CSV', 'JSON']} />
        </>
      )}
    </section>
  );
}
