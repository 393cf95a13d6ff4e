// Makes an experiment definite for one model: tokens instead of text, every default filled in, everything checked that
// can be checked before the model runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { schedule } from '../../runtime/plan/schedule.ts';
import { describeComponent, resolveLocation } from '../../runtime/plan/sites.ts';
import { answerToken, continuation } from '../answers.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { Notice } from '../notice.ts';
import { charactersOf, placedPrompt } from '../promptText.ts';
import { type NamedToken, needTokenizer, promptNotices, tokenLabel, tokensOf } from '../tokens.ts';
import { watchedPosition } from '../watched.ts';
import { type TraceOutline, type TraceStream, usualWindow } from './cells.ts';
import type { TraceExperiment } from './experiment.ts';
import { checkedRange, rangeOfSubject } from './subject.ts';

export interface ResolvedTrace extends TraceOutline {
  readonly experiment: TraceExperiment;
  readonly tokenTexts: readonly string[];
  /** Absent where the model's own prediction is to be watched. */
  readonly answer?: NamedToken;
  readonly distractor?: NamedToken;
  /** Tokens in the subject's place, where the corruption replaces them. */
  readonly replacement?: readonly number[];
  readonly notices: readonly Notice[];
}

function resolveStream(
  architecture: Architecture,
  { component, window, heads }: TraceExperiment['streams'][number],
): TraceStream {
  const description = describeComponent(architecture, component);
  if (description.scope !== 'layer') {
    throw new ExperimentError(
      `'${component}' exists once in the model, and a trace needs a component that every layer has. Try 'block_output'.`,
    );
  }
  resolveLocation(description, { positions: [0], ...(heads ? { heads } : {}) }, 1);
  return {
    component,
    window: window ?? usualWindow(component, architecture.layerCount),
    ...(heads ? { heads } : {}),
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

/** Text becomes the tokens that it is in the subject's place. */
function replacementTokens(
  given: string | readonly number[],
  prompt: string | readonly number[],
  subject: readonly [number, number],
  tokenizer: Tokenizer | undefined,
): readonly number[] {
  if (typeof given !== 'string') return tokensOf(given, tokenizer, 'the replacement');
  const known = needTokenizer(tokenizer, 'the replacement');
  const placed = placedPrompt(prompt, known);
  const [from = 0] = charactersOf(subject, placed) ?? [];
  const tokens = continuation(given, known, placed.text.slice(0, from));
  return tokensOf(tokens, known, 'the replacement');
}

function resolveReplacement(
  { corruption, prompt }: TraceExperiment,
  subject: readonly [number, number],
  tokenizer: Tokenizer | undefined,
): readonly number[] | undefined {
  if (corruption.kind !== 'replace') return undefined;
  const count = subject[1] - subject[0];
  const tokens = replacementTokens(corruption.tokens, prompt, subject, tokenizer);
  if (tokens.length === count) return tokens;
  const texts = tokens.map((id) => JSON.stringify(tokenLabel(id, tokenizer))).join(' ');
  throw new ExperimentError(
    `The replacement has ${tokens.length} ${tokens.length === 1 ? 'token' : 'tokens'} (${texts}), the subject ${count}; they must be as many. Choose another text, or give token ids.`,
  );
}

/**
 * @param tokenizer may be absent when the experiment gives token ids
 * @throws ExperimentError or PlanError in one sentence: what does not fit, and what would
 */
export function resolveTrace(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: TraceExperiment,
): ResolvedTrace {
  const tokens = tokensOf(experiment.prompt, tokenizer, 'the prompt');
  const { subject: named, corruption } = experiment;
  const subject = checkedRange(
    typeof named === 'string' ? rangeOfSubject(named, experiment.prompt, tokenizer) : named,
    tokens.length,
  );
  const notices: Notice[] = [];
  const tokenNamed = (name: string | number | undefined, what: string): NamedToken | undefined => {
    if (name === undefined) return undefined;
    const token = answerToken(name, what, {
      tokenizer,
      vocabularySize: architecture.vocabularySize,
      after: experiment.prompt,
    });
    notices.push(...token.notices);
    return { id: token.id, text: token.text };
  };
  const answer = tokenNamed(experiment.answer, 'the answer');
  const distractor = tokenNamed(experiment.distractor, 'the distractor');
  notices.push(...promptNotices(experiment.prompt, tokenizer, 'The prompt'));
  const watched = watchedPosition(architecture, tokens, tokenizer);
  if (subject[0] <= watched && watched < subject[1]) {
    const where = architecture.isCausal ? 'is the last token' : 'includes the mask';
    notices.push({
      code: 'subject-is-last',
      text: `The subject ${where}, so its own position and the prediction cannot be told apart in the figure.`,
    });
  }
  const replacement = resolveReplacement(experiment, subject, tokenizer);
  const resolved: ResolvedTrace = {
    experiment,
    tokens,
    watched,
    tokenTexts: tokens.map((id) => tokenLabel(id, tokenizer)),
    subject,
    samples: corruption.kind === 'noise' ? corruption.samples : 1,
    direction: experiment.direction,
    streams: experiment.streams.map((stream) => resolveStream(architecture, stream)),
    positions: resolvePositions(experiment.positions, tokens.length),
    ...(answer ? { answer } : {}),
    ...(distractor ? { distractor } : {}),
    ...(replacement ? { replacement } : {}),
    notices,
  };
  // The scheduler knows what prompts and edits a model can take.
  schedule(architecture, { rows: [{ start: { kind: 'tokens', tokens }, edits: [] }], reads: [] });
  return resolved;
}
