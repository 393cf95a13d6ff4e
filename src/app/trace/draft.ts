// What a document of a trace comes to under a model: its tokens, its subject among them, and the experiment that a run would
// be given, or what is invalid, in a sentence beside its control.

import type { TokenRange } from '../../experiments/promptText.ts';
import { usualWindow } from '../../experiments/trace/cells.ts';
import { type TraceExperiment, traceLimits } from '../../experiments/trace/experiment.ts';
import type { ModelReads, TokenInfo } from '../../worker/protocol.ts';
import type { Draft, Surroundings } from '../experiment/definition.ts';
import { givenProblem } from '../prompt/givenProblem.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { maskProblem } from '../prompt/mask.ts';
import { tokensOfPassage } from '../prompt/passage.ts';
import { formatCount } from '../quantities.ts';
import { markedTokens, type PickedToken, type StreamField, type TraceDocument } from './document.ts';
import {
  exchangeProblem,
  givenParts,
  type InputSubject,
  inputSubject,
  partsProblem,
  subjectProblem,
} from './readBeside.ts';
import { layersOf, streamsOf } from './streams.ts';
import { guessSubject } from './subject.ts';

export type FieldName =
  | 'prompt'
  | 'given'
  | 'other'
  | 'parts'
  | 'subject'
  | 'level'
  | 'samples'
  | 'seed'
  | 'replacement'
  | 'streams';

/** A stream with its window as it stands in the control. */
export interface DraftStream extends StreamField {
  readonly window: string;
}

export interface TraceDraft extends Draft<TraceExperiment> {
  readonly problems: ReadonlyMap<FieldName, string>;
  /** The label of the model that the tokens are of; null before there is one. */
  readonly model: string | null;
  /** Tokens of the prompt; null until they are known. */
  readonly tokens: readonly TokenInfo[] | null;
  /** Of tokens; null where it is a part of a picture or a sound, and where it is not known. */
  readonly subject: TokenRange | null;
  /** A part of a picture or a sound that is the subject. */
  readonly part: InputSubject | null;
  /** What the model reads beside the prompt; null where it reads a text alone, or is not known. */
  readonly reads: ModelReads | null;
  /** Nobody marked it, or what was marked is not in this prompt. */
  readonly isSubjectGuessed: boolean;
  readonly streams: readonly DraftStream[];
  /** Null for the model's own prediction, and for what was picked for another prompt. */
  readonly answer: string | number | null;
  readonly distractor: string | number | null;
}

/** More cells than this are a long wait and a figure that no screen holds. */
export const mostPositions = 1024;
/** @returns NaN for what is no plain decimal number */
const numberIn = (text: string): number =>
  /^\s*\d*[.,]?\d+\s*$/.test(text) ? Number(text.replace(',', '.')) : Number.NaN;
const wholeIn = (text: string): number => (/^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN);

function levelProblem(text: string): string | null {
  const level = numberIn(text);
  if (Number.isNaN(level)) return 'The level must be a number, such as 3.';
  return level > 0 ? null : 'A level of 0 corrupts nothing. The usual level is 3 σ.';
}

function samplesProblem(text: string): string | null {
  const samples = wholeIn(text);
  if (Number.isNaN(samples)) return 'Samples must be a whole number, such as 10.';
  if (samples < 1) return 'At least 1 sample is needed. The usual number is 10.';
  return samples > traceLimits.samples
    ? `At most ${formatCount(traceLimits.samples)} samples can be drawn. The usual number is 10.`
    : null;
}

function seedProblem(text: string): string | null {
  const seed = wholeIn(text);
  return seed >= 0 && seed < 2 ** 32 ? null : 'The seed must be a whole number from 0 to 4,294,967,295.';
}

function windowProblem({ component, window }: DraftStream): string | null {
  const layers = wholeIn(window);
  return layers >= 1 ? null : `The window of ${component} must be a whole number of layers, at least 1.`;
}

function corruptionIn(document: TraceDocument): TraceExperiment['corruption'] {
  switch (document.corruption) {
    case 'noise': {
      const level = numberIn(document.level);
      return {
        kind: 'noise',
        level: document.levelUnit === 'sigma' ? { standardDeviations: level } : level,
        samples: wholeIn(document.samples),
        seed: wholeIn(document.seed),
      };
    }
    case 'replace':
      return { kind: 'replace', tokens: document.replacement || (document.replacementIds ?? '') };
    case 'exchange':
      return { kind: 'exchange', with: document.other ?? { name: 'nothing' } };
    default:
      return { kind: document.corruption };
  }
}

function problemsOf(
  document: TraceDocument,
  { model }: Surroundings,
  {
    tokens,
    subject,
    streams,
    part,
    reads,
  }: Pick<TraceDraft, 'tokens' | 'subject' | 'streams' | 'part' | 'reads'>,
): ReadonlyMap<FieldName, string> {
  const problems = new Map<FieldName, string>();
  const note = (name: FieldName, problem: string | null) => {
    if (problem !== null && !problems.has(name)) problems.set(name, problem);
  };
  const most = Math.min(model?.maxPositions ?? mostPositions, mostPositions);
  const { corruption } = document;
  const isOfText = reads === null && model !== null && 'family' in model;
  const mask = isOfText && tokens !== null ? maskProblem(model, tokens) : null;
  note('given', givenProblem(document, reads, 'The trace'));
  note('parts', partsProblem(document, reads));
  if (document.prompt.trim() === '' && (reads === null || hasTarget(reads)))
    note('prompt', 'Type a prompt to trace.');
  else if (document.prompt.trim() !== '' && reads?.isAlone)
    note('prompt', 'This model reads a picture alone. Delete the text.');
  else if (tokens !== null && tokens.length > most)
    note('prompt', `The prompt has ${tokens.length} tokens; a trace here takes at most ${most}.`);
  else if (tokens !== null && mask !== null) note('prompt', mask);
  else if (part === null && subject === null && (tokens !== null || document.prompt.trim() === ''))
    note('subject', subjectProblem(reads));
  if (corruption === 'noise') {
    note('level', levelProblem(document.level));
    note('samples', samplesProblem(document.samples));
    note('seed', seedProblem(document.seed));
  }
  if (corruption === 'exchange') note('other', exchangeProblem(document, part));
  if (corruption === 'replace' && part !== null)
    note('replacement', 'A picture or a sound has no tokens to replace. Choose another corruption.');
  else if (corruption === 'replace' && document.replacement === '' && document.replacementIds === null)
    note('replacement', 'Type the text that stands in the subject’s place.');
  const on = streams.filter(({ isOn }) => isOn);
  if (on.length === 0) note('streams', 'Choose at least one stream.');
  for (const stream of on) note('streams', windowProblem(stream));
  return problems;
}

/** A token that was picked for this prompt. */
const currentPick = (picked: PickedToken | null, prompt: string): string | number | null =>
  picked !== null && picked.prompt === prompt ? picked.token : null;

export function deriveTrace(document: TraceDocument, surroundings: Surroundings): TraceDraft {
  const { model } = surroundings;
  const { prompt, direction, positions } = document;
  const tokens = surroundings.tokens[0] ?? null;
  const reads = (model !== null && 'reads' in model && model.reads) || null;
  const part = inputSubject(document, reads);
  const marked = tokens === null || model === null ? null : markedTokens(document, tokens, model.label);
  const subject = part !== null ? null : (marked ?? (tokens === null ? null : guessSubject(tokens)));
  const streams = streamsOf(document, model).map((stream) => ({
    ...stream,
    window: stream.window ?? String(usualWindow(stream.component, layersOf(stream.component, model))),
  }));
  const answer = currentPick(document.answer, prompt);
  const distractor = currentPick(document.distractor, prompt);
  const problems = problemsOf(document, surroundings, { tokens, subject, streams, part, reads });
  const named = part ?? subject;
  const isWhole = problems.size === 0 && model !== null && named !== null;
  return {
    model: model?.label ?? null,
    tokens,
    subject,
    part,
    reads,
    isSubjectGuessed: part === null && marked === null,
    streams,
    answer,
    distractor,
    problems,
    experiment: isWhole
      ? {
          kind: 'trace',
          version: 1,
          model: model.label,
          prompt,
          ...givenParts(document, model, reads),
          subject: named,
          ...(answer === null ? {} : { answer }),
          ...(distractor === null ? {} : { distractor }),
          corruption: corruptionIn(document),
          direction,
          streams: streams
            .filter(({ isOn }) => isOn)
            .map(({ component, window, heads }) => ({
              component,
              window: wholeIn(window),
              ...(heads ? { heads } : {}),
            })),
          positions,
        }
      : null,
  };
}

/**
 * The experiment as a link holds it: the subject by its text where that is enough to find it again, and no window that is
 * usual in a model of this depth, so that it means the same under another model.
 */
export function sharedTrace(
  experiment: TraceExperiment,
  { model, tokens: [tokens = null] }: Surroundings,
): TraceExperiment {
  const { prompt, subject, streams, target, image, sound } = experiment;
  // How deep each of two stacks is, only a model that is there says.
  const isKnown = model !== null && ('components' in model || (target ?? image ?? sound) === undefined);
  return {
    ...experiment,
    subject: subjectText(prompt, subject, tokens) ?? subject,
    ...(streams && {
      streams: streams.map(({ window, ...stream }) =>
        isKnown && window === usualWindow(stream.component, layersOf(stream.component, model))
          ? stream
          : { ...stream, ...(window === undefined ? {} : { window }) },
      ),
    }),
  };
}

/** The text of a subject whose first occurrence in the prompt is meant; null where it does not say enough. */
function subjectText(
  prompt: TraceExperiment['prompt'],
  subject: TraceExperiment['subject'],
  tokens: readonly TokenInfo[] | null,
): string | null {
  if (typeof subject === 'string') return subject;
  if ('patches' in subject || 'seconds' in subject) return null;
  if (typeof prompt !== 'string' || tokens === null) return null;
  const text = tokens
    .slice(...subject)
    .map((token) => token.text)
    .join('')
    .trim();
  const found = tokensOfPassage(prompt, tokens, { text, near: 0 });
  return found?.[0] === subject[0] && found[1] === subject[1] ? text : null;
}
