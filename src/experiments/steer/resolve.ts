// A steering with tokens instead of text and defaults filled in; what does not fit the model is refused before it runs.

import type { Architecture, StackName } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { quoted } from '../../messages/wording.ts';
import { newTokenLimit } from '../../runtime/generation/limits.ts';
import { endingOf, type GenerationSettings, generationSettings } from '../../runtime/generation/settings.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { KindResolveOptions } from '../kind.ts';
import type { Notice } from '../notice.ts';
import {
  editName,
  hasChat,
  passageOf,
  type SteerEdit,
  type SteerExperiment,
  sweptEdit,
  wordsOf,
} from './experiment.ts';
import { lengthOf, type PassageRun } from './passageRun.ts';
import { PassageReader } from './passages.ts';
import { type ResolvedVector, resolveVector, vectorNotices } from './vectorSites.ts';

export interface ResolvedPrompt extends PassageRun {
  readonly rendered: string | null;
  /** What asks in words; null where the column is not wanted. */
  readonly asked: PassageRun | null;
  readonly towards: readonly number[];
  readonly away: readonly number[];
}

export interface ResolvedSteer {
  readonly experiment: SteerExperiment;
  readonly vectors: readonly ResolvedVector[];
  readonly prompts: readonly ResolvedPrompt[];
  readonly settings: GenerationSettings;
  readonly tokenizer: Tokenizer | undefined;
  readonly notices: readonly Notice[];
}

const inList = (values: readonly (number | null)[]): string => values.join(', ');

/** The layers and heads of an edit are among those of its vector. */
function checkPlaces(edit: SteerEdit, { vector, sites, layers }: ResolvedVector): void {
  const name = editName(edit);
  const layer = edit.layers?.find((one) => !layers.includes(one));
  if (layer !== undefined)
    throw new ExperimentError(
      layers[0] === null
        ? `The edit ${quoted(name)}: '${vector.component}' exists once in the model, not in every layer. Leave "layers" out.`
        : `The edit ${quoted(name)} names layer ${layer}, where the vector '${vector.name}' has none. It has layers ${inList(layers)}.`,
    );
  const heads = [...new Set(sites.map(({ head }) => head))];
  const head = edit.heads?.find((one) => !heads.includes(one));
  if (head === undefined) return;
  throw new ExperimentError(
    heads[0] === null
      ? `The edit ${quoted(name)} names heads, and '${vector.component}' has none. Leave "heads" out.`
      : `The edit ${quoted(name)} names head ${head}, where the vector '${vector.name}' has none. It has heads ${inList(heads)}.`,
  );
}

/** An activation addition is added, as it is, to the first positions of the prompt. */
function checkAddition(
  edit: SteerEdit,
  prompts: readonly ResolvedPrompt[],
  positions: number,
  stack: StackName,
): void {
  const { map, keepNorm, whileBelow, prompt, steps, unit, top } = edit;
  const isPlain = map.kind === 'add' && !keepNorm && whileBelow === undefined && unit === 'raw' && !top;
  if (!isPlain || prompt !== undefined || steps !== undefined)
    throw new ExperimentError(
      `The edit ${quoted(editName(edit))}: an activation addition is added with a raw strength to the first positions of the prompt, once. Leave "map", "unit", "top", "keepNorm", "whileBelow", "prompt" and "steps" out.`,
    );
  const lengths = prompts.map((run) => lengthOf(run, stack));
  const short = lengths.findIndex((length) => length < positions);
  if (short >= 0)
    throw new ExperimentError(
      `The edit ${quoted(editName(edit))} has a vector for each of the first ${positions} positions, and ${stack === 'encoder' ? 'the source of ' : ''}prompt ${short + 1} has ${lengths[short]} tokens. Make it longer, or the two texts shorter.`,
    );
}

/** An encoder reads once, before the first step. */
function checkReadOnce(edit: SteerEdit, { vector: { component } }: ResolvedVector): void {
  const { prompt, steps } = edit;
  if (steps !== undefined && steps !== 'none')
    throw new ExperimentError(
      `The edit ${quoted(editName(edit))} names steps, and '${component}' has the positions of what the encoder reads, once, before the first step. Name them as "prompt": "all", or a list, and leave "steps" out.`,
    );
  if (prompt === 'none')
    throw new ExperimentError(
      `The edit ${quoted(editName(edit))} acts nowhere: '${component}' has the positions of what the encoder reads, and "prompt" is "none". Make it "all", or a list.`,
    );
}

function checkEdit(edit: SteerEdit, resolved: ResolvedVector, prompts: readonly ResolvedPrompt[]): void {
  const { vector, positive, width, stack } = resolved;
  const { from } = vector;
  const name = quoted(editName(edit));
  checkPlaces(edit, resolved);
  const method = 'method' in from ? from.method : undefined;
  if (method === 'activation-addition') {
    const [plus] = positive;
    checkAddition(edit, prompts, plus ? lengthOf(plus, stack) : 0, stack);
  } else if (stack !== 'main') checkReadOnce(edit, resolved);
  if (edit.top && method === undefined)
    throw new ExperimentError(
      `The edit ${name} takes the sites that tell texts apart best, and the vector '${vector.name}' is not made of texts. Name its layers and heads.`,
    );
  if (edit.map.kind === 'between') {
    if (edit.map.from === undefined && (method !== 'difference' || vector.normalize))
      throw new ExperimentError(
        `The edit ${name} moves between two means, so its vector must be their difference at its own length. Take the method 'difference' without "normalize", or give "from".`,
      );
    if (edit.map.from && edit.map.from.length !== width)
      throw new ExperimentError(
        `The edit ${name}: its mean has ${edit.map.from.length} numbers, and this model needs ${width}.`,
      );
  }
  const isOfTexts = method !== undefined || prompts.length > 0;
  if (edit.unit !== 'raw' && !isOfTexts)
    throw new ExperimentError(
      `The edit ${name} has its strength in the unit '${edit.unit}', and there is no text whose states could be measured. Give it raw.`,
    );
  if (edit.unit === 'sigma' && method === undefined && prompts.length < 2)
    throw new ExperimentError(
      `The edit ${name} has its strength in spreads of the projection, and one prompt has none. Give it raw or relative.`,
    );
}

function checkSweep(experiment: SteerExperiment, vectors: readonly ResolvedVector[]): void {
  const { sweep } = experiment;
  if (!sweep) return;
  const edit = sweptEdit(experiment);
  const resolved = vectors.find(({ vector }) => vector.name === edit.vector);
  if (!resolved) return;
  if (edit.top)
    throw new ExperimentError(
      `The sweep moves the edit ${quoted(editName(edit))} from layer to layer, which takes its own sites by "top". Leave "top" out.`,
    );
  const { layers, vector } = resolved;
  const missing = sweep.layers.find((layer) => !layers.includes(layer));
  if (missing === undefined) return;
  throw new ExperimentError(
    `The sweep names layer ${missing}, where the vector '${vector.name}' has none. It has layers ${inList(layers)}.`,
  );
}

const tokenCount = (count: number): string => `${count} ${count === 1 ? 'token' : 'tokens'}`;

function contextNotices(
  architecture: Architecture,
  { generation, sweep }: SteerExperiment,
  prompts: readonly ResolvedPrompt[],
): readonly Notice[] {
  const wanted = Math.max(generation.maxNewTokens, sweep?.maxNewTokens ?? 0);
  return prompts.flatMap(({ tokens, asked }, at): readonly Notice[] => {
    const longest = Math.max(tokens.length, asked?.tokens.length ?? 0);
    const room = newTokenLimit(architecture, longest);
    if (room >= wanted) return [];
    return [
      {
        code: 'context-is-full',
        text: `Prompt ${at + 1} has ${tokenCount(longest)} and this model ${architecture.maxPositions} positions, so at most ${room} new tokens fit, and not ${wanted}.`,
      },
    ];
  });
}

/** What is said of one word after every prompt is said once. */
const once = (notices: readonly Notice[]): readonly Notice[] => [
  ...new Map(notices.map((notice) => [notice.text, notice])).values(),
];

type ReaderOf = (...of: ConstructorParameters<typeof PassageReader>) => PassageReader;
const readerOfFiles: ReaderOf = (...of) => new PassageReader(...of);

interface SteerResolveOptions extends KindResolveOptions {
  /** What reads passages; default one that reads the files of pictures and sounds. */
  readonly reader?: ReaderOf;
}

/**
 * @param tokenizer may be absent when the experiment gives token ids
 * @throws ExperimentError, ChatTemplateError or PlanError in one sentence: what does not fit, and what would
 */
export async function resolveSteer(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: SteerExperiment,
  { generation: support, preprocessor, reader: readerOf = readerOfFiles }: SteerResolveOptions = {},
): Promise<ResolvedSteer> {
  if (!architecture.isCausal && experiment.prompts.length > 0)
    throw new ExperimentError(
      `${architecture.family} sees what comes after, and does not generate text. Its vectors can be made: leave the prompts out.`,
    );
  const notices: Notice[] = [];
  const isWritten = hasChat(experiment) || experiment.prompts.length > 0;
  const found = isWritten ? await support?.() : undefined;
  const reader = readerOf(architecture, tokenizer, found, notices, preprocessor);
  const vectors: ResolvedVector[] = [];
  for (const vector of experiment.vectors) vectors.push(await resolveVector(architecture, vector, reader));
  const prompts: ResolvedPrompt[] = [];
  for (const [at, prompt] of experiment.prompts.entries()) {
    const what = `prompt ${at + 1}`;
    const passage = passageOf(prompt);
    const read = await reader.read(passage, what);
    const asks = experiment.columns.includes('asked') && experiment.asked !== undefined;
    const asked = asks ? await reader.asked(passage, experiment.asked ?? '', `asked ${what}`) : undefined;
    const words = wordsOf(experiment, prompt);
    const named = words && reader.words(words, passage, read, what);
    const { start, tokens, input, rendered } = read;
    prompts.push({
      ...{ start, tokens, rendered, ...(input ? { input } : {}) },
      asked: asked ?? null,
      towards: named?.towards.map(({ id }) => id) ?? [],
      away: named?.away.map(({ id }) => id) ?? [],
    });
  }
  for (const edit of experiment.edits) {
    const resolved = vectors.find(({ vector }) => vector.name === edit.vector);
    if (resolved) checkEdit(edit, resolved, prompts);
  }
  checkSweep(experiment, vectors);
  if (experiment.generation.stop.length > 0 && !tokenizer)
    throw new ExperimentError('This model brings no tokenizer, and stop strings need one. Leave "stop" out.');
  const { maxNewTokens: _, samples: __, stop: ___, eos, ...given } = experiment.generation;
  const settings = endingOf(
    architecture,
    generationSettings(found?.config ?? {}, found?.files, { ...given, ...(eos ? { eosIds: eos } : {}) }),
  );
  return {
    experiment,
    vectors,
    prompts,
    settings,
    tokenizer,
    notices: once([
      ...notices,
      ...vectors.flatMap(vectorNotices),
      ...settings.notices.map((text): Notice => ({ code: 'not-done-here', text })),
      ...contextNotices(architecture, experiment, prompts),
    ]),
  };
}
