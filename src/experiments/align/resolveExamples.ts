// Makes the examples of an alignment definite: tokens of prompts and labels, and the positions of each site.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { didYouMean } from '../../messages/nearest.ts';
import { schedule } from '../../runtime/plan/schedule.ts';
import { type AnswerTokens, answerTokens } from '../answers.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { Notice } from '../notice.ts';
import { promptRow } from '../planRuns.ts';
import { type Continued, continuedKey, forced } from '../teacherForcing.ts';
import { promptNotices, tokensOf } from '../tokens.ts';
import { causalExamples } from './causalData.ts';
import type { AlignExample } from './example.ts';
import type { AlignExperiment } from './experiment.ts';
import { type PositionName, positionsIn, type SitePosition } from './sitePosition.ts';

/** As many positions of either prompt, in the order in which their vectors are joined. */
export interface ExamplePlace {
  readonly base: readonly number[];
  readonly source: readonly number[];
}

export interface ResolvedExample {
  readonly base: readonly number[];
  readonly source: readonly number[];
  readonly label: AnswerTokens;
  readonly baseLabel?: AnswerTokens;
  readonly sourceLabel?: AnswerTokens;
  /** Where the sites are, one for each of the experiment's positions. */
  readonly places: readonly ExamplePlace[];
}

/** Each prompt with its own label once, however many examples it is in. */
export function ownContinuations(examples: readonly ResolvedExample[]): readonly Continued[] {
  const all = examples.flatMap(({ base, source, baseLabel, sourceLabel }) => [
    ...(baseLabel ? [{ prompt: base, label: baseLabel }] : []),
    ...(sourceLabel ? [{ prompt: source, label: sourceLabel }] : []),
  ]);
  return [...new Map(all.map((each) => [continuedKey(each), each])).values()];
}

export interface ExamplesContext {
  readonly architecture: Architecture;
  readonly tokenizer: Tokenizer | undefined;
  readonly positions: readonly SitePosition[];
}

/** @throws ExperimentError for a position that a prompt does not have, or a name that the example does not give */
function positionOf(
  name: PositionName,
  { positions = {} }: AlignExample,
  { base, source }: Pick<ResolvedExample, 'base' | 'source'>,
  where: string,
): { readonly base: number; readonly source: number } {
  const named = typeof name === 'string' && name !== 'last' ? positions[name] : undefined;
  if (typeof name === 'string' && name !== 'last' && named === undefined) {
    const known = ['last', ...Object.keys(positions)];
    throw new ExperimentError(
      [
        `'${where}.positions' has no '${name}', which 'site.position' names.`,
        didYouMean(name, known),
        `Known: ${known.join(', ')}.`,
      ]
        .filter((sentence) => sentence !== '')
        .join(' '),
    );
  }
  if (name === 'last') return { base: base.length - 1, source: source.length - 1 };
  const given = typeof name === 'number' ? name : (named ?? 0);
  const place =
    typeof given === 'number' ? { base: given, source: given } : { base: given[0], source: given[1] };
  for (const [side, tokens] of [
    ['base', base],
    ['source', source],
  ] as const) {
    if (place[side] < tokens.length) continue;
    throw new ExperimentError(
      `'${where}.${side}' has no position ${place[side]}${typeof name === 'string' ? ` ('${name}')` : ''}: its ${tokens.length} tokens have positions 0 to ${tokens.length - 1}.`,
    );
  }
  return place;
}

/** @throws ExperimentError as `positionOf`, and where two positions that are joined are one token */
function placeOf(
  position: SitePosition,
  example: AlignExample,
  prompts: Pick<ResolvedExample, 'base' | 'source'>,
  where: string,
): ExamplePlace {
  const names = positionsIn(position);
  const places = names.map((name) => positionOf(name, example, prompts, where));
  for (const side of ['base', 'source'] as const) {
    const twice = places.findIndex((place, at) => places.findIndex((p) => p[side] === place[side]) < at);
    if (twice < 0) continue;
    const first = places.findIndex((place) => place[side] === places[twice]?.[side]);
    throw new ExperimentError(
      `'site.position' joins ${names.join(' and ')}, and in '${where}.${side}' ${names[first]} and ${names[twice]} are both position ${places[twice]?.[side]}. Join positions that are different tokens in every prompt.`,
    );
  }
  return { base: places.map(({ base }) => base), source: places.map(({ source }) => source) };
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
  { architecture, tokenizer, positions }: ExamplesContext,
  given: GivenData,
  field: string,
): Generator<void, { readonly examples: readonly ResolvedExample[]; readonly notices: readonly Notice[] }> {
  const { vocabularySize } = architecture;
  const known = new Map<string, readonly number[]>();
  const labels = new Map<string, AnswerTokens>();
  const notices = new Map<Notice['code'], Notice>();
  const prompt = (text: string | readonly number[], where: string): readonly number[] => {
    const key = typeof text === 'string' ? text : text.join(' ');
    const found = typeof text === 'string' ? known.get(key) : undefined;
    if (found) return found;
    for (const notice of promptNotices(text, tokenizer, `The prompt '${where}'`)) {
      if (!notices.has(notice.code)) notices.set(notice.code, notice);
    }
    const tokens = tokensOf(text, tokenizer, `the prompt '${where}'`);
    // The scheduler knows what prompts a model can take.
    schedule(architecture, { rows: [promptRow(tokens)], reads: [] });
    if (typeof text === 'string') known.set(key, tokens);
    return tokens;
  };
  /** A label, after the prompt that it is an answer to. */
  const labelOf = (
    name: string | number | readonly number[],
    after: string | readonly number[],
    where: string,
  ): AnswerTokens => {
    const key = JSON.stringify([name, typeof name === 'string' ? after : null]);
    const found = labels.get(key);
    if (found) return found;
    const label = answerTokens(name, `the label '${where}'`, { tokenizer, vocabularySize, after });
    const { ids, text } = label;
    if (ids.length > 1 && !notices.has('labels-of-several-tokens')) {
      const isSpaceless = typeof name === 'string' && !name.startsWith(' ');
      notices.set('labels-of-several-tokens', {
        code: 'labels-of-several-tokens',
        text: `The label '${where}', ${JSON.stringify(text)}, has ${ids.length} tokens: the loss is over all of them, and an example counts as right only where every one is.${isSpaceless ? ' Most tokenizers put the space before a word into its token; begin the label with one if it is a word of its own.' : ''}`,
      });
    }
    labels.set(key, label);
    return label;
  };
  /** What is run of a prompt: it and all of its label but the last token. @throws PlanError where that is too long */
  const requireRoom = (tokens: readonly number[], label: AnswerTokens): void => {
    if (label.ids.length > 1) schedule(architecture, { rows: [promptRow(forced(tokens, label))], reads: [] });
  };
  const resolved = (example: AlignExample, index: number): ResolvedExample => {
    // Of declared data no line of the file is wrong by itself.
    const where = 'causalModel' in given ? `${field} (declared), example ${index}` : `${field}.${index}`;
    const base = prompt(example.base, `${where}.base`);
    const source = prompt(example.source, `${where}.source`);
    const label = labelOf(example.label, example.base, `${where}.label`);
    requireRoom(base, label);
    const own = (side: 'base' | 'source', tokens: readonly number[]) => {
      const given = example[`${side}Label`];
      if (given === undefined) return {};
      const found = labelOf(given, example[side], `${where}.${side}Label`);
      requireRoom(tokens, found);
      return { [`${side}Label`]: found };
    };
    return {
      base,
      source,
      label,
      ...own('base', base),
      ...own('source', source),
      places: positions.map((name) => placeOf(name, example, { base, source }, where)),
    };
  };
  const examples: ResolvedExample[] = [];
  for (const example of listed(given, tokenizer, field)) {
    examples.push(resolved(example, examples.length));
    yield;
  }
  return { examples, notices: [...notices.values()] };
}
