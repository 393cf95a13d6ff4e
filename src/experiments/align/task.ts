// The task of an alignment as a person looks at it before anything is trained: the first examples with their tokens and the
// places of the variables, how many there are on either side, how the labels are balanced, and which prompts the model
// answers by itself. Sites play no part in it.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { Model } from '../../runtime/model.ts';
import { nameOf } from '../givenFile.ts';
import { type GivenPrompt, partsOfGiven } from '../givenPrompt.ts';
import type { Notice } from '../notice.ts';
import { promptLine } from '../promptLine.ts';
import type { ResolvedPrompt } from '../resolvedPrompt.ts';
import { continuationsOf } from '../teacherForcing.ts';
import { type NamedToken, tokenLabel } from '../tokens.ts';
import { fillsMasks } from '../watched.ts';
import { nameRead, writtenTokens } from '../wholePrompt.ts';
import { causalPairs } from './causalData.ts';
import type { Setting } from './causalModel.ts';
import type { AlignExample } from './example.ts';
import { type AlignExperiment, readAlignExperiment } from './experiment.ts';
import { type Breathing, type ResolvedAlign, resolveAlignBreathing } from './resolve.ts';
import { ownContinuations } from './resolveExamples.ts';

/** What of an experiment its task is. */
export type AlignTaskRequest = Pick<AlignExperiment, 'data' | 'testData' | 'split'>;

interface TaskText {
  /** Null where it is given as token ids. */
  readonly text: string | null;
  readonly tokens: readonly NamedToken[];
}

/** The tokens of what a decoder writes begin with the one that it begins with. */
export interface TaskPrompt extends TaskText {
  /** What the decoder has written, where the prompt is its source. */
  readonly target?: TaskText;
  /** The name of the picture or the sound that is read. */
  readonly reads?: string;
}

export interface TaskExample {
  readonly base: TaskPrompt;
  readonly source: TaskPrompt;
  /** As the examples have them, with the space before. */
  readonly label: string;
  readonly baseLabel: string | null;
  /** Positions by the names that a site may give: of the base and of the source. */
  readonly positions: Readonly<Record<string, readonly [base: number, source: number]>>;
  /** The masks of both, where a prompt has one. */
  readonly masks?: readonly [base: number, source: number];
  /** What the variables are; null for examples that are listed. */
  readonly settings: {
    readonly base: Setting<string>;
    readonly source: Setting<string>;
    readonly after: Setting<string>;
  } | null;
}

export interface AlignTask {
  readonly trainCount: number;
  readonly testCount: number;
  /** Distinct pairs of prompts, and distinct prompts. */
  readonly pairCount: number;
  readonly promptCount: number;
  /** The most frequent first. */
  readonly labels: readonly { readonly text: string; readonly train: number; readonly test: number }[];
  /** Examples whose label is not that of the base; null where the examples do not say. */
  readonly changedCount: number | null;
  readonly examples: readonly TaskExample[];
  /** Names that a site's position may have, in every example that is shown. */
  readonly positionNames: readonly string[];
  readonly notices: readonly Notice[];
}

/** A prompt that is not continued as the task has it. */
export interface WrongAnswer {
  readonly prompt: string;
  readonly label: string;
  readonly said: string;
}

export interface OwnAnswers {
  /** Distinct prompts that are continued with their own label, of those that have one. */
  readonly right: number;
  readonly of: number;
  /** Some of the others. */
  readonly wrong: readonly WrongAnswer[];
}

const mostShown = 8;

/** Every task has these: sites and training are not looked at. */
const neutral = {
  kind: 'align',
  version: 1,
  model: '',
  site: { component: 'block_output', layer: 0, position: 'last' },
  intervention: { type: 'LowRankRotated', rank: 1 },
  training: { batchSize: 1 },
} as const;

/**
 * The examples of a task under a model's tokens.
 * @param site where its positions are looked for; default the last token
 * @throws ExperimentError or PlanError in one sentence that names the field
 */
export const resolveTask = (
  architecture: Architecture,
  tokenizer: Tokenizer,
  request: AlignTaskRequest,
  breathing: Breathing,
  site: AlignExperiment['site'] = neutral.site,
): Promise<ResolvedAlign> =>
  resolveAlignBreathing(
    architecture,
    tokenizer,
    readAlignExperiment({ ...neutral, ...request, site }),
    breathing,
  );

type Drawn = AlignExample & { readonly settings?: TaskExample['settings'] };

function firstExamples({ data }: AlignTaskRequest, tokenizer: Tokenizer): readonly Drawn[] {
  if (!('causalModel' in data)) return data.slice(0, mostShown);
  const drawn: Drawn[] = [];
  for (const { example, baseSetting: base, sourceSetting: source, setting: after } of causalPairs(
    data,
    tokenizer,
    'data',
  )) {
    drawn.push({ ...example, settings: { base, source, after } });
    if (drawn.length >= mostShown) break;
  }
  return drawn;
}

const spoken = (label: string | number | readonly number[], tokenizer: Tokenizer): string => {
  if (typeof label === 'string') return label;
  return (typeof label === 'number' ? [label] : label).map((id) => tokenLabel(id, tokenizer)).join('');
};

function shownPrompt(
  given: GivenPrompt,
  { encoder, input }: Pick<Architecture, 'encoder' | 'input'>,
  tokenizer: Tokenizer,
): TaskPrompt {
  const { prompt, target = '', image, sound } = partsOfGiven(given);
  const shown = (text: typeof prompt, ids: readonly number[]): TaskText => ({
    text: typeof text === 'string' ? text : null,
    tokens: ids.map((id) => ({ id, text: tokenizer.tokenText(id) })),
  });
  const written = (text: typeof prompt, startToken: number): TaskText =>
    shown(text, writtenTokens(text, tokenizer, 'the prompt', startToken));
  const file = image ?? sound;
  const reads = file ? { reads: nameOf(file) } : {};
  if (input) return { ...shown(prompt, []), ...reads };
  if (encoder?.input) return { ...written(prompt, encoder.startToken), ...reads };
  return {
    ...shown(prompt, typeof prompt === 'string' ? tokenizer.encode(prompt) : prompt),
    ...(encoder ? { target: written(target, encoder.startToken) } : {}),
    ...reads,
  };
}

function shownExample(
  { base, source, label, baseLabel, positions = {}, settings = null }: Drawn,
  architecture: Architecture,
  tokenizer: Tokenizer,
): TaskExample {
  const shown = (given: GivenPrompt) => shownPrompt(given, architecture, tokenizer);
  const prompts = [shown(base), shown(source)] as const;
  const { maskId } = tokenizer;
  const [mask = -1, sourceMask = -1] = prompts.map(({ tokens }) =>
    tokens.findIndex(({ id }) => id === maskId),
  );
  return {
    base: prompts[0],
    source: prompts[1],
    ...(fillsMasks(architecture) && mask >= 0 && sourceMask >= 0 ? { masks: [mask, sourceMask] } : {}),
    label: spoken(label, tokenizer),
    baseLabel: baseLabel === undefined ? null : spoken(baseLabel, tokenizer),
    positions: Object.fromEntries(
      Object.entries(positions).map(([name, at]): [string, [number, number]] => [
        name,
        typeof at === 'number' ? [at, at] : [at[0], at[1]],
      ]),
    ),
    settings,
  };
}

/** @param align of `resolveTask` */
export function describeTask(
  { train, test, notices }: ResolvedAlign,
  request: AlignTaskRequest,
  architecture: Architecture,
  tokenizer: Tokenizer,
): AlignTask {
  const all = [...train, ...test];
  const examples = firstExamples(request, tokenizer).map((each) =>
    shownExample(each, architecture, tokenizer),
  );
  const [first, ...others] = examples.map(({ positions }) => Object.keys(positions));
  const count = (side: ResolvedAlign['train'], text: string) =>
    side.filter(({ label }) => label.text === text).length;
  const known = all.filter(({ baseLabel }) => baseLabel !== undefined);
  return {
    trainCount: train.length,
    testCount: test.length,
    pairCount: new Set(all.map(({ base, source }) => `${base.key}|${source.key}`)).size,
    promptCount: new Set(all.flatMap(({ base, source }) => [base.key, source.key])).size,
    labels: [...new Set(all.map(({ label }) => label.text))]
      .map((text) => ({ text, train: count(train, text), test: count(test, text) }))
      .toSorted((a, b) => b.train + b.test - a.train - a.test),
    changedCount:
      known.length === 0
        ? null
        : known.filter(({ label, baseLabel }) => label.text !== baseLabel?.text).length,
    examples,
    positionNames: (first ?? []).filter((name) => others.every((names) => names.includes(name))),
    notices,
  };
}

/** A prompt in words, with what is read beside them; the tokens that a tokenizer or a decoder adds say nothing. */
export function promptWords(
  { tokens, input }: ResolvedPrompt,
  tokenizer: Pick<Tokenizer, 'decode' | 'isSpecial' | 'maskId'>,
): string {
  const text = (ids: readonly number[]) =>
    tokenizer.decode(ids.filter((id) => id === tokenizer.maskId || !tokenizer.isSpecial(id)));
  return promptLine(nameRead(input), [text(input?.tokens ?? []), text(tokens)]);
}

const mostWrong = 12;

/** What the model continues the prompts of a task with, when nothing is done to it. @throws the signal's reason */
export async function ownAnswers(
  model: Model,
  { train, test }: ResolvedAlign,
  tokenizer: Tokenizer,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (rowLayers: number) => void },
): Promise<OwnAnswers> {
  const asked = ownContinuations([...train, ...test]);
  const { signal, onProgress } = options;
  const said = await continuationsOf(model, asked, {
    ...(signal ? { signal } : {}),
    done: (rowLayers) => onProgress?.(rowLayers),
  });
  const wrong = asked.flatMap(({ prompt, label }, at): readonly WrongAnswer[] => {
    const ids = said[at] ?? [];
    // What comes after the first token that is another follows from the label, not from what was said.
    const other = ids.findIndex((id, place) => id !== label.ids[place]);
    if (other < 0) return [];
    const words = ids.slice(0, other + 1).map((id) => tokenizer.tokenText(id));
    return [{ prompt: promptWords(prompt, tokenizer), label: label.text, said: words.join('') }];
  });
  return { right: asked.length - wrong.length, of: asked.length, wrong: wrong.slice(0, mostWrong) };
}
