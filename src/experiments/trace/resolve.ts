// Makes an experiment definite for one model: tokens instead of text, every default filled in, everything checked that
// can be checked before the model runs.

import type { Architecture, StackName } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { RowStart } from '../../runtime/plan/plan.ts';
import { schedule } from '../../runtime/plan/schedule.ts';
import { describeComponent, resolveLocation } from '../../runtime/plan/sites.ts';
import { answerToken, continuation } from '../answers.ts';
import { counterpartsOf } from '../counterparts.ts';
import { exchanged } from '../exchanged.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { InputData } from '../inputData.ts';
import {
  type Column,
  type InputParts,
  inputParts,
  placedInInput,
  positionsOfPart,
  wholeTokens,
} from '../inputParts.ts';
import { labelNamed } from '../labels.ts';
import type { Notice } from '../notice.ts';
import { charactersOf } from '../promptText.ts';
import { seenEntry } from '../seenPicture.ts';
import { type NamedToken, needTokenizer, tokenLabel, tokensOf } from '../tokens.ts';
import { type PromptInput, type WholePrompt, wholeNotices, wholePrompt } from '../wholePrompt.ts';
import { type InputOutline, type TraceOutline, type TraceStream, usualWindow } from './cells.ts';
import { type TraceExperiment, traceDefaults } from './experiment.ts';
import { checkedRange, isPart, rangeOfSubject } from './subject.ts';

export interface ResolvedTrace extends TraceOutline {
  readonly experiment: TraceExperiment;
  readonly start: RowStart;
  readonly tokenTexts: readonly string[];
  /** What the columns of the input are called, and how a picture's lie. */
  readonly inputParts?: InputParts;
  /** The same of the picture that a question is about. */
  readonly pictureParts?: InputParts;
  /** The component that holds the subject's embeddings. */
  readonly embedding: string;
  /** Absent where the model's own prediction is to be watched. */
  readonly answer?: NamedToken;
  readonly distractor?: NamedToken;
  /** How the corrupted run begins, where other tokens or a part of another picture stand in the subject's place. */
  readonly replaced?: RowStart;
  readonly notices: readonly Notice[];
}

type NamedStream = NonNullable<TraceExperiment['streams']>[number];

/** Whether these are the streams of a file that names none, perhaps with windows of their own. */
const areUsualStreams = (streams: readonly NamedStream[]): boolean =>
  streams.map(({ component }) => component).join() === traceDefaults.streams.join();

function resolveStream(architecture: Architecture, { component, window, heads }: NamedStream): TraceStream {
  const description = describeComponent(architecture, component);
  const { scope, layers, place } = description;
  const count = place?.count ?? architecture.layerCount;
  if (scope !== 'layer' || (layers && layers.length < count)) {
    throw new ExperimentError(
      `'${component}' exists ${scope === 'layer' ? `in layers ${layers?.join(', ')} alone` : 'once in the model'}, and a trace needs a component that every layer has. Try 'block_output'.`,
    );
  }
  resolveLocation(description, { positions: [0], ...(heads ? { heads } : {}) }, 1);
  return {
    component,
    window: window ?? usualWindow(component, count),
    ...(heads ? { heads } : {}),
    ...(place ? { place } : {}),
    ...placedInInput(architecture, place),
  };
}

function resolvePositions(positions: TraceExperiment['positions'], length: number): readonly number[] {
  if (positions === 'all') return Array.from({ length }, (_, position) => position);
  const sorted = [...new Set(positions)].sort((a, b) => a - b);
  const past = sorted.find((position) => position >= length);
  if (past !== undefined)
    throw new ExperimentError(
      `Position ${past} does not exist: the prompt has positions 0 to ${length - 1}.`,
    );
  return sorted;
}

/** The range of a subject of tokens, in the sequence that the prompt's text has. */
function subjectRange(
  named: string | readonly [number, number],
  whole: WholePrompt,
  length: number,
): readonly [number, number] {
  return checkedRange(typeof named === 'string' ? rangeOfSubject(named, whole.placed()) : named, length);
}

/** Text becomes the tokens that it is in the subject's place. */
function replacementTokens(
  given: string | readonly number[],
  whole: WholePrompt,
  subject: readonly [number, number],
  tokenizer: Tokenizer | undefined,
): readonly number[] {
  if (typeof given !== 'string') return tokensOf(given, tokenizer, 'the replacement');
  const known = needTokenizer(tokenizer, 'the replacement');
  const placed = whole.placed();
  const [from = 0] = charactersOf(subject, placed) ?? [];
  const tokens = continuation(given, known, placed.text.slice(0, from));
  return tokensOf(tokens, known, 'the replacement');
}

/** @param tokens those that the subject stands among */
function replacedStart(
  { corruption }: TraceExperiment,
  whole: WholePrompt,
  tokens: readonly number[],
  subject: readonly [number, number] | null,
  tokenizer: Tokenizer | undefined,
): RowStart | undefined {
  if (corruption.kind !== 'replace') return undefined;
  if (subject === null)
    throw new ExperimentError(
      "A picture or a sound has no tokens that could be replaced. Corrupt it by noise, zero or mean, or 'exchange' it with another.",
    );
  const [from, to] = subject;
  const others = replacementTokens(corruption.tokens, whole, subject, tokenizer);
  if (others.length === to - from)
    return whole.withTokens([...tokens.slice(0, from), ...others, ...tokens.slice(to)]);
  const texts = others.map((id) => JSON.stringify(tokenLabel(id, tokenizer))).join(' ');
  throw new ExperimentError(
    `The replacement has ${others.length} ${others.length === 1 ? 'token' : 'tokens'} (${texts}), the subject ${to - from}; they must be as many. Choose another text, or give token ids.`,
  );
}

/** @param corrupted positions that are another picture's or sound's */
function exchangedStart(
  { corruption }: TraceExperiment,
  whole: WholePrompt,
  corrupted: readonly number[],
  read: InputData | undefined,
): RowStart | undefined {
  if (corruption.kind !== 'exchange') return undefined;
  const { withData } = whole;
  const input = whole.input?.picture ?? whole.input;
  if (!input || !withData || corrupted.length === 0)
    throw new ExperimentError(
      "The corruption 'exchange' puts a part of another picture or sound in the subject's place, and the subject is words. Put other words there by 'replace', or name patches or seconds.",
    );
  if (!read?.other) throw new Error('The other picture or sound was not made into numbers.');
  return withData(exchanged(input, corrupted, read.data, read.other));
}

/**
 * What is restored of the streams, where the subject is in what the model reads beside its tokens.
 * @param corrupted the stack that reads it
 */
function untracedNotice(
  { components }: Architecture,
  streams: readonly TraceStream[],
  corrupted: StackName,
): readonly Notice[] {
  if (streams.some(({ isOfInput, isOfPicture }) => isOfInput || isOfPicture)) return [];
  const [first] = components.flatMap(({ name, place }) =>
    place?.stack === corrupted && /(^|\.)block_output$/.test(name) ? [name] : [],
  );
  return [
    {
      code: 'input-not-traced',
      text: `All streams are the decoder's, so the figure does not show where what is read comes in. Name '${first ?? 'block_output'}' among the streams to see it.`,
    },
  ];
}

/**
 * @param tokenizer may be absent when the experiment gives token ids
 * @param read what the picture or the sound of the experiment is for the model
 * @throws ExperimentError or PlanError in one sentence: what does not fit, and what would
 */
export function resolveTrace(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: TraceExperiment,
  read?: InputData,
): ResolvedTrace {
  const { subject: named, corruption } = experiment;
  const whole = wholePrompt(architecture, tokenizer, experiment, read?.data);
  const { tokens, watched, input, start } = whole;
  const picture = input?.picture;
  const notices: Notice[] = [...(read?.notices ?? [])];
  const tokenNamed = (name: string | number | undefined, what: string): NamedToken | undefined => {
    if (name === undefined) return undefined;
    const { vocabularySize, labels, isCausal } = architecture;
    if (labels) return labelNamed(name, what, labels);
    const after = whole.written;
    const token = answerToken(name, what, { tokenizer, vocabularySize, after, isCausal });
    notices.push(...token.notices);
    return { id: token.id, text: token.text };
  };
  const answer = tokenNamed(experiment.answer, 'the answer');
  const distractor = tokenNamed(experiment.distractor, 'the distractor');
  notices.push(...wholeNotices(architecture, experiment, tokenizer, 'The prompt'));
  const partsIn = (of: PromptInput | undefined) =>
    of && inputParts(experiment.parts, of, read?.seconds, (id) => tokenLabel(id, tokenizer));
  const [parts, pictureParts] = [partsIn(input), partsIn(picture)];
  if (!parts && experiment.parts !== undefined) throw new ExperimentError(wholeTokens);
  const isOfText = !isPart(named);
  if (isOfText && input && tokens.length === 0)
    throw new ExperimentError(
      'This model reads a picture alone, so the subject is a part of it: "subject": {"patches": [left, top, right, bottom]}.',
    );
  const isSource = input?.kind === 'text';
  const isInSource = isOfText && isSource;
  const among = isSource ? input.tokens : tokens;
  const range = isPart(named) ? null : subjectRange(named, whole, among.length);
  const corrupted = isInSource
    ? Array.from({ length: among.length }, (_, at) => at).slice(...(range ?? []))
    : isPart(named)
      ? positionsOfPart(named, input, read?.seconds, 'The subject', "Give it by the prompt's words.")
      : [];
  const subject = isInSource ? null : range;
  if (subject !== null && subject[0] <= watched && watched < subject[1]) {
    const where = architecture.isCausal ? 'is the last token' : 'includes the mask';
    notices.push({
      code: 'subject-is-last',
      text: `The subject ${where}, so its own position and the prediction cannot be told apart in the figure.`,
    });
  }
  const asked = experiment.streams ?? traceDefaults.streams.map((component) => ({ component }));
  const streams = (
    areUsualStreams(asked) ? counterpartsOf<NamedStream>(asked, architecture.components) : asked
  ).map((stream) => resolveStream(architecture, stream));
  const corruptedStack = subject !== null ? 'main' : isOfText ? 'encoder' : (picture ?? input)?.stack;
  if (subject === null) notices.push(...untracedNotice(architecture, streams, corruptedStack ?? 'main'));
  const replaced =
    replacedStart(experiment, whole, among, range, tokenizer) ??
    exchangedStart(experiment, whole, isOfText ? [] : corrupted, read);
  const shownPositions = resolvePositions(experiment.positions, among.length);
  const all = Array.from({ length: tokens.length }, (_, position) => position);
  const cut =
    parts && isSource ? parts.columns.filter((_, at) => shownPositions.includes(at)) : parts?.columns;
  const outlineOf = (of: PromptInput, columns: readonly Column[], isCorrupted: boolean): InputOutline => ({
    length: of.length,
    columns: columns.map(({ positions }) => positions),
    corrupted: isCorrupted ? corrupted : [],
  });
  const resolved: ResolvedTrace = {
    experiment,
    start,
    tokens,
    watched,
    ...(input && parts && cut
      ? {
          input: outlineOf(input, cut, isOfText || !picture),
          inputParts: { ...parts, columns: cut, ...(isSource ? {} : seenEntry(read?.seen)) },
        }
      : {}),
    ...(picture && pictureParts
      ? {
          picture: outlineOf(picture, pictureParts.columns, !isOfText),
          pictureParts: { ...pictureParts, ...seenEntry(read?.seen) },
        }
      : {}),
    embedding: embeddingOf(architecture, corruptedStack ?? 'main'),
    tokenTexts: tokens.map((id) => tokenLabel(id, tokenizer)),
    subject,
    samples: corruption.kind === 'noise' ? corruption.samples : 1,
    direction: experiment.direction,
    streams,
    positions: isSource ? all : shownPositions,
    ...(answer ? { answer } : {}),
    ...(distractor ? { distractor } : {}),
    ...(replaced ? { replaced } : {}),
    notices,
  };
  // The scheduler knows what prompts and edits a model can take.
  schedule(architecture, { rows: [{ start, edits: [] }], reads: [] });
  return resolved;
}

/** The component of embeddings of a stack. */
function embeddingOf({ components }: Architecture, stack: StackName): string {
  if (stack === 'main') return 'embedding_output';
  const found = components.find(
    ({ name, place }) => place?.stack === stack && name.endsWith('.embedding_output'),
  );
  if (!found) throw new Error(`The stack '${stack}' has no embeddings.`);
  return found.name;
}
