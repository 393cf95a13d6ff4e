// Makes the examples of an alignment definite: tokens of prompts and labels, and the positions of each site.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { didYouMean } from '../../messages/nearest.ts';
import type { AnswerTokens } from '../answers.ts';
import { checkFits, type ReadPrompt, readLabelTokens, readPrompt } from '../examplePrompts.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { Notice } from '../notice.ts';
import type { ResolvedPrompt } from '../resolvedPrompt.ts';
import { type Continued, continuedKey, forced } from '../teacherForcing.ts';
import { promptNotices } from '../tokens.ts';
import { causalExamples } from './causalData.ts';
import type { AlignExample } from './example.ts';
import type { AlignExperiment } from './experiment.ts';
import { maskName, type PositionName, positionsIn, type SitePosition } from './sitePosition.ts';

/** As many positions of either prompt, in the order in which their vectors are joined. */
export interface ExamplePlace {
  readonly base: readonly number[];
  readonly source: readonly number[];
}

/** What a further site of a joint training takes from, and where it is. */
export interface FurtherSource {
  readonly prompt: ResolvedPrompt;
  readonly label?: AnswerTokens;
  readonly place: ExamplePlace;
}

export interface ResolvedExample {
  readonly base: ResolvedPrompt;
  readonly source: ResolvedPrompt;
  readonly label: AnswerTokens;
  readonly baseLabel?: AnswerTokens;
  readonly sourceLabel?: AnswerTokens;
  /** Where the sites are, one for each of the experiment's positions. */
  readonly places: readonly ExamplePlace[];
  /** One for each further site of a joint training. */
  readonly further: readonly FurtherSource[];
}

/** The base with the label of the interchange. */
export const interchanged = ({ base, label }: ResolvedExample): Continued => ({ prompt: base, label });

/** Each prompt with its own label once, however many examples it is in. */
export function ownContinuations(examples: readonly ResolvedExample[]): readonly Continued[] {
  const all = examples.flatMap(({ base, source, baseLabel, sourceLabel, further }): readonly Continued[] => [
    ...(baseLabel ? [{ prompt: base, label: baseLabel }] : []),
    ...(sourceLabel ? [{ prompt: source, label: sourceLabel }] : []),
    ...further.flatMap(({ prompt, label }) => (label ? [{ prompt, label }] : [])),
  ]);
  return [...new Map(all.map((each) => [continuedKey(each), each])).values()];
}

export interface ExamplesContext {
  readonly architecture: Architecture;
  readonly tokenizer: Tokenizer | undefined;
  readonly positions: readonly SitePosition[];
  /** Of the further sites of a joint training. */
  readonly jointly: readonly { readonly position: SitePosition }[];
}

/** A base and one of its sources. */
interface Pair {
  readonly base: ResolvedPrompt;
  readonly source: ResolvedPrompt;
  /** Their masks, of a model that fills such. */
  readonly masks: { readonly base: number; readonly source: number } | undefined;
  /** Of the file: `source`, or `furtherSources.0`. */
  readonly sourceField: string;
  /** Which of the sources it is, from 0. */
  readonly sourceIndex: number;
  /** `site`, or `jointly.0`. */
  readonly siteField: string;
}

/** @throws ExperimentError for a position that a prompt does not have, or a name that the example does not give */
function positionOf(
  name: PositionName,
  { positions = {} }: AlignExample,
  { base, source, masks, sourceField, sourceIndex, siteField }: Pair,
  where: string,
): { readonly base: number; readonly source: number } {
  const named = typeof name === 'string' && name !== 'last' ? positions[name] : undefined;
  if (name === maskName && masks) {
    if (!named) return masks;
    throw new ExperimentError(
      `'${where}.positions' has '${maskName}', which is the mask of each prompt in this model. Name that position otherwise.`,
    );
  }
  if (typeof name === 'string' && name !== 'last' && named === undefined) {
    const known = ['last', ...(masks ? [maskName] : []), ...Object.keys(positions)];
    throw new ExperimentError(
      [
        `'${where}.positions' has no '${name}', which '${siteField}.position' names.`,
        didYouMean(name, known),
        `Known: ${known.join(', ')}.`,
      ]
        .filter((sentence) => sentence !== '')
        .join(' '),
    );
  }
  if (name === 'last') return { base: base.tokens.length - 1, source: source.tokens.length - 1 };
  const given = typeof name === 'number' ? name : (named ?? 0);
  const there = typeof given === 'number' ? given : given[1 + sourceIndex];
  if (there === undefined)
    throw new ExperimentError(
      `'${where}.positions.${name}' is [${[given].flat().join(', ')}] and says nothing of '${sourceField}'. Give a position of the base and one of each source.`,
    );
  const place = { base: typeof given === 'number' ? given : given[0], source: there };
  for (const [side, field, { tokens }] of [
    ['base', 'base', base],
    ['source', sourceField, source],
  ] as const) {
    if (place[side] < tokens.length) continue;
    throw new ExperimentError(
      `'${where}.${field}' has no position ${place[side]}${typeof name === 'string' ? ` ('${name}')` : ''}: its ${tokens.length} tokens have positions 0 to ${tokens.length - 1}.`,
    );
  }
  return place;
}

/** @throws ExperimentError as `positionOf`, and where two positions that are joined are one token */
function placeOf(position: SitePosition, example: AlignExample, pair: Pair, where: string): ExamplePlace {
  const names = positionsIn(position);
  const places = names.map((name) => positionOf(name, example, pair, where));
  for (const side of ['base', 'source'] as const) {
    const twice = places.findIndex((place, at) => places.findIndex((p) => p[side] === place[side]) < at);
    if (twice < 0) continue;
    const first = places.findIndex((place) => place[side] === places[twice]?.[side]);
    const field = side === 'base' ? 'base' : pair.sourceField;
    throw new ExperimentError(
      `'${pair.siteField}.position' joins ${names.join(' and ')}, and in '${where}.${field}' ${names[first]} and ${names[twice]} are both position ${places[twice]?.[side]}. Join positions that are different tokens in every prompt.`,
    );
  }
  return { base: places.map(({ base }) => base), source: places.map(({ source }) => source) };
}

/** @throws ExperimentError for a file of one source where the sites take from several, and the other way round */
function checkSources(example: AlignExample, siteCount: number, where: string, isDeclared: boolean): void {
  const { furtherSources = [], furtherSourceLabels } = example;
  const field = isDeclared ? 'furtherInterchange' : `${where}.furtherSources`;
  const counted = (count: number, thing: string) => `${count} ${thing}${count === 1 ? '' : 's'}`;
  if (furtherSources.length !== siteCount)
    throw new ExperimentError(
      `'${field}' gives ${counted(furtherSources.length, 'further source')}, and 'jointly' names ${counted(siteCount, 'further site')}: each takes from one of its own. Give as many of both.`,
    );
  if (furtherSourceLabels && furtherSourceLabels.length !== furtherSources.length)
    throw new ExperimentError(
      `'${where}.furtherSourceLabels' has ${counted(furtherSourceLabels.length, 'label')} for ${counted(furtherSources.length, 'further source')}. Give one for each, or leave it out.`,
    );
}

type GivenData = AlignExperiment['data'];

/** @throws ExperimentError for data that is declared, without a tokenizer, or wrongly */
function listed(given: GivenData, tokenizer: Tokenizer | undefined, field: string): Iterable<AlignExample> {
  if (!('causalModel' in given)) return given;
  if (tokenizer) return causalExamples(given, tokenizer, field);
  throw new ExperimentError(
    `'${field}' declares prompts as text, and this checkpoint has no tokenizer. Give a list of examples as token ids.`,
  );
}

/**
 * In steps of one example each, so that whoever takes them can breathe between two and stop.
 * @param field `data` or `testData`, for messages
 * @throws ExperimentError or PlanError that names the example
 */
export function* resolveExamples(
  { architecture, tokenizer, positions, jointly }: ExamplesContext,
  given: GivenData,
  field: string,
): Generator<void, { readonly examples: readonly ResolvedExample[]; readonly notices: readonly Notice[] }> {
  const context = { architecture, tokenizer };
  const known = new Map<string, ReadPrompt>();
  const labels = new Map<string, AnswerTokens>();
  const notices = new Map<Notice['code'], Notice>();
  const read = (text: string | readonly number[], where: string): ReadPrompt => {
    const found = typeof text === 'string' ? known.get(text) : undefined;
    if (found) return found;
    for (const notice of promptNotices(text, tokenizer, `The prompt '${where}'`)) {
      if (!notices.has(notice.code)) notices.set(notice.code, notice);
    }
    const made = readPrompt(context, text, where);
    if (typeof text === 'string') known.set(text, made);
    return made;
  };
  /** A label of a prompt. @throws PlanError where the two are too long together */
  const labelOf = (
    name: string | number | readonly number[],
    { prompt, written }: ReadPrompt,
    where: string,
  ): AnswerTokens => {
    const key = JSON.stringify([name, typeof name === 'string' ? written : null]);
    const label = labels.get(key) ?? readLabelTokens(context, name, `the label '${where}'`, written);
    labels.set(key, label);
    const { ids, text } = label;
    if (ids.length > 1) checkFits(architecture, forced(prompt, label), where);
    if (ids.length > 1 && !notices.has('labels-of-several-tokens')) {
      const isSpaceless = typeof name === 'string' && !name.startsWith(' ');
      notices.set('labels-of-several-tokens', {
        code: 'labels-of-several-tokens',
        text: `The label '${where}', ${JSON.stringify(text)}, has ${ids.length} tokens: the loss is over all of them, and an example counts as right only where every one is.${isSpaceless ? ' Most tokenizers put the space before a word into its token; begin the label with one if it is a word of its own.' : ''}`,
      });
    }
    return label;
  };
  const masksOf = (base: ResolvedPrompt, source: ResolvedPrompt) =>
    architecture.isCausal ? undefined : { base: base.watched, source: source.watched };
  const resolved = (example: AlignExample, index: number): ResolvedExample => {
    // Of declared data no line of the file is wrong by itself.
    const where = 'causalModel' in given ? `${field} (declared), example ${index}` : `${field}.${index}`;
    const sides = {
      base: read(example.base, `${where}.base`),
      source: read(example.source, `${where}.source`),
    };
    const base = sides.base.prompt;
    const source = sides.source.prompt;
    const label = labelOf(example.label, sides.base, `${where}.label`);
    const own = (side: 'base' | 'source') => {
      const given = example[`${side}Label`];
      if (given === undefined) return {};
      return { [`${side}Label`]: labelOf(given, sides[side], `${where}.${side}Label`) };
    };
    checkSources(example, jointly.length, where, 'causalModel' in given);
    const further = jointly.map(({ position }, at): FurtherSource => {
      const sourceField = `furtherSources.${at}`;
      const other = read(example.furtherSources?.[at] ?? [], `${where}.${sourceField}`);
      const { prompt } = other;
      const both = { base, source: prompt, masks: masksOf(base, prompt) };
      const pair = { ...both, sourceField, sourceIndex: at + 1, siteField: `jointly.${at}` };
      const place = placeOf(position, example, pair, where);
      const name = example.furtherSourceLabels?.[at];
      if (name === undefined) return { prompt, place };
      return { prompt, place, label: labelOf(name, other, `${where}.furtherSourceLabels.${at}`) };
    });
    const both = { base, source, masks: masksOf(base, source) };
    const pair = { ...both, sourceField: 'source', sourceIndex: 0, siteField: 'site' };
    return {
      base,
      source,
      label,
      ...own('base'),
      ...own('source'),
      places: positions.map((position) => placeOf(position, example, pair, where)),
      further,
    };
  };
  const examples: ResolvedExample[] = [];
  for (const example of listed(given, tokenizer, field)) {
    examples.push(resolved(example, examples.length));
    yield;
  }
  return { examples, notices: [...notices.values()] };
}
