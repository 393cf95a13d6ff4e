// What a person sets for a trace, as one value: the fields as their controls hold them. Numbers stay text until they are read,
// so that a half-typed one is neither lost nor run. The subject is kept by its characters, because another model splits
// the same text into other tokens.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import type { GivenFile } from '../../experiments/givenFile.ts';
import type { TokenRange } from '../../experiments/promptText.ts';
import { type TraceExperiment, traceDefaults } from '../../experiments/trace/experiment.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { Box } from '../prompt/PatchGrid.tsx';
import { movedPassage, type Passage, passageOf, tokensOfPassage } from '../prompt/passage.ts';
import { resultTokens } from './standIn.ts';

export type CorruptionKind = TraceExperiment['corruption']['kind'];

export interface StreamField {
  readonly component: string;
  readonly isOn: boolean;
  /** Null for what is usual in a model of that depth. */
  readonly window: string | null;
  /** From a file or a link; the page has no control for them. */
  readonly heads?: readonly number[];
}

export type Subject =
  | { readonly kind: 'guessed' }
  | ({ readonly kind: 'passage' } & Passage)
  /** Tokens of one model that are no whole characters, such as a special token; another model's may be others. */
  | { readonly kind: 'tokens'; readonly range: TokenRange; readonly model: string }
  /** Of a picture: left, top, right and bottom (exclusive), in patches. */
  | { readonly kind: 'patches'; readonly box: Box }
  /** Of a sound, as it stands in the controls. */
  | { readonly kind: 'seconds'; readonly from: string; readonly to: string };

/** A token that was picked for one prompt, by its text, or by its id where it has no text of its own. */
export interface PickedToken {
  readonly token: string | number;
  readonly prompt: string;
}

export interface TraceDocument {
  readonly prompt: string;
  /** What the decoder of a model of two stacks has written so far. */
  readonly target: string;
  readonly image: GivenFile | null;
  readonly sound: GivenFile | null;
  /** Into how many parts a picture or a sound is cut; empty for what is usual. */
  readonly parts: string;
  readonly subject: Subject;
  /** Null for the model's own prediction. */
  readonly answer: PickedToken | null;
  readonly distractor: PickedToken | null;
  readonly corruption: CorruptionKind;
  /** Whether the level is a multiple of the subject's standard deviation (σ) or a number. */
  readonly levelUnit: 'sigma' | 'number';
  readonly level: string;
  readonly samples: string;
  readonly seed: string;
  readonly replacement: string;
  /** Token ids in the subject's place, from a file; a text that is typed takes their place. */
  readonly replacementIds: readonly number[] | null;
  /** The picture or sound that a part is exchanged with. */
  readonly other: GivenFile | null;
  readonly direction: TraceExperiment['direction'];
  readonly streams: readonly StreamField[];
  /**
   * Models for which they are a file's or a link's own, so that what is offered besides stays off: one by its label, or `any`
   * that reads more than a text; null where nobody has chosen them.
   */
  readonly streamsFor: { readonly model: string } | null;
  /** From a file or a link; the page has no control for them. */
  readonly positions: TraceExperiment['positions'];
}

const noise = traceDefaults.corruption;

export const blankTrace: TraceDocument = {
  prompt: '',
  target: '',
  image: null,
  sound: null,
  parts: '',
  subject: { kind: 'guessed' },
  answer: null,
  distractor: null,
  corruption: noise.kind,
  levelUnit: 'sigma',
  level: String(noise.level.standardDeviations),
  samples: String(noise.samples),
  seed: String(noise.seed),
  replacement: '',
  replacementIds: null,
  other: null,
  direction: traceDefaults.direction,
  streams: traceDefaults.streams.map((component) => ({ component, isOn: true, window: null })),
  streamsFor: null,
  positions: traceDefaults.positions,
};

/** The document with another prompt; a subject that was marked stays with its words. */
export function withPrompt(document: TraceDocument, prompt: string): TraceDocument {
  const { subject } = document;
  if (prompt === document.prompt) return document;
  return {
    ...document,
    prompt,
    subject:
      subject.kind === 'passage'
        ? { ...subject, ...movedPassage(subject, document.prompt, prompt) }
        : subject,
  };
}

/** What a range of tokens is in the text. */
export function subjectOf(
  prompt: string,
  tokens: Parameters<typeof passageOf>[1],
  range: TokenRange,
  model: string,
): Subject {
  const passage = passageOf(prompt, tokens, range);
  return passage ? { kind: 'passage', ...passage } : { kind: 'tokens', range, model };
}

/**
 * @param result of the experiment, which knows its tokens
 * @throws ExperimentError for a prompt of token ids
 */
export function documentOf(experiment: TraceExperiment, result: TraceResult | null): TraceDocument {
  const { prompt, target = '', corruption, streams, answer, distractor } = experiment;
  const { direction, positions, image = null, sound = null, parts } = experiment;
  if (typeof prompt !== 'string' || typeof target !== 'string')
    throw new ExperimentError(
      'This trace gives its prompt as token ids, and the page takes text. Run it from the command line: patchbay run FILE.json --out DIR.',
    );
  const field = (component: string): StreamField => {
    const found = streams?.find((stream) => stream.component === component);
    if (!found) return { component, isOn: false, window: null };
    const window = found.window === undefined ? null : String(found.window);
    return { component, isOn: true, window, ...(found.heads ? { heads: found.heads } : {}) };
  };
  const pick = (token: string | number | undefined): PickedToken | null =>
    token === undefined ? null : { token, prompt };
  const isOfText = target === '' && image === null && sound === null;
  const all = new Set([...traceDefaults.streams, ...(streams ?? []).map(({ component }) => component)]);
  return {
    ...blankTrace,
    prompt,
    target,
    image,
    sound,
    parts: parts === undefined ? '' : String(parts),
    subject: openedSubject(experiment, prompt, result),
    answer: pick(answer),
    distractor: pick(distractor),
    ...corruptionFields(corruption),
    direction,
    streams: streams ? [...all].map(field) : blankTrace.streams,
    streamsFor: streams || !isOfText ? { model: isOfText ? experiment.model : 'any' } : null,
    positions,
  };
}

function openedSubject(
  { subject, model }: TraceExperiment,
  prompt: string,
  result: TraceResult | null,
): Subject {
  if (typeof subject === 'string') return { kind: 'passage', text: subject, near: 0 };
  if ('patches' in subject) return { kind: 'patches', box: subject.patches };
  if ('seconds' in subject) {
    const [from, to] = subject.seconds;
    return { kind: 'seconds', from: String(from), to: String(to) };
  }
  // The tokens of a source are not those that a result predicts from.
  if (result === null || result.input) return { kind: 'tokens', range: subject, model };
  return subjectOf(prompt, resultTokens(result), subject, model);
}

function corruptionFields(corruption: TraceExperiment['corruption']): Partial<TraceDocument> {
  switch (corruption.kind) {
    case 'noise': {
      const { level, samples, seed } = corruption;
      return {
        corruption: 'noise',
        ...(typeof level === 'number'
          ? { levelUnit: 'number', level: String(level) }
          : { levelUnit: 'sigma', level: String(level.standardDeviations) }),
        samples: String(samples),
        seed: String(seed),
      };
    }
    case 'exchange':
      return { corruption: 'exchange', other: corruption.with };
    case 'replace':
      return typeof corruption.tokens === 'string'
        ? { corruption: 'replace', replacement: corruption.tokens }
        : { corruption: 'replace', replacementIds: corruption.tokens };
    default:
      return { corruption: corruption.kind };
  }
}

/** The tokens of a subject; null where they cannot be told. */
export function markedTokens(
  { prompt, subject }: Pick<TraceDocument, 'prompt' | 'subject'>,
  tokens: Parameters<typeof passageOf>[1],
  model: string,
): TokenRange | null {
  switch (subject.kind) {
    case 'guessed':
    case 'patches':
    case 'seconds':
      return null;
    case 'passage':
      return tokensOfPassage(prompt, tokens, subject);
    case 'tokens':
      return subject.model === model && subject.range[1] <= tokens.length ? subject.range : null;
    default:
      return subject satisfies never;
  }
}
