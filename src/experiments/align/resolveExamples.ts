// Makes the examples of an alignment definite: tokens of prompts and labels, and the positions of each site.

import { type Architecture, firstInput } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { stackOf } from '../../runtime/plan/stacks.ts';
import type { AnswerTokens } from '../answers.ts';
import type { ExampleInputs } from '../exampleInputs.ts';
import { checkFits, type ReadPrompt, readLabelTokens, readPrompt } from '../examplePrompts.ts';
import { ExperimentError } from '../experimentFile.ts';
import { type GivenPrompt, partsOfGiven } from '../givenPrompt.ts';
import type { Notice } from '../notice.ts';
import type { ResolvedPrompt } from '../resolvedPrompt.ts';
import { type Continued, continuedKey, forced } from '../teacherForcing.ts';
import { wholeNotices } from '../wholePrompt.ts';
import { causalExamples } from './causalData.ts';
import type { AlignExample } from './example.ts';
import { type ExamplePlace, placeOf } from './examplePlaces.ts';
import type { AlignExperiment } from './experiment.ts';
import { positionsIn, type SitePosition } from './sitePosition.ts';

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
  readonly inputs: ExampleInputs;
  /** Of the site. */
  readonly component: string;
  readonly positions: readonly SitePosition[];
  /** The further sites of a joint training. */
  readonly jointly: readonly { readonly component: string; readonly position: SitePosition }[];
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

/** @throws ExperimentError for names of variables at a site of the decoder, where a source declares them */
function checkNames({ architecture, component, positions, jointly }: ExamplesContext, field: string): void {
  if (!architecture.encoder) return;
  for (const [siteField, own, position] of [
    ...positions.map((position) => ['site', component, position] as const),
    ...jointly.map((each, at) => [`jointly.${at}`, each.component, each.position] as const),
  ]) {
    const name = positionsIn(position).find((each) => typeof each === 'string' && each !== 'last');
    if (name === undefined || stackOf(architecture, own) === 'encoder') continue;
    throw new ExperimentError(
      `'${siteField}.position' is '${name}', and '${field}' declares where that is in the source, of which '${own}' has no positions. Name a component of the encoder, 'last' or a number.`,
    );
  }
}

/** @throws ExperimentError for data that is declared, without a tokenizer, or wrongly, or for a model that reads no text */
function listed(context: ExamplesContext, given: GivenData, field: string): Iterable<AlignExample> {
  if (!('causalModel' in given)) return given;
  const { architecture, tokenizer } = context;
  const read = firstInput(architecture);
  if (read)
    throw new ExperimentError(
      `'${field}' declares prompts as text, and this ${architecture.modelType} model reads ${{ image: 'a picture', sound: 'a sound' }[read.kind]}. Give a list of examples.`,
    );
  checkNames(context, field);
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
  examplesContext: ExamplesContext,
  given: GivenData,
  field: string,
): Generator<void, { readonly examples: readonly ResolvedExample[]; readonly notices: readonly Notice[] }> {
  const { architecture, tokenizer, inputs, component, positions, jointly } = examplesContext;
  const context = { architecture, tokenizer, inputs };
  const known = new Map<string, ReadPrompt>();
  const labels = new Map<string, AnswerTokens>();
  const notices = new Map<Notice['code'], Notice>();
  const note = (found: readonly Notice[]) => {
    for (const notice of found) if (!notices.has(notice.code)) notices.set(notice.code, notice);
  };
  const read = (given: GivenPrompt, where: string): ReadPrompt => {
    const found = typeof given === 'string' ? known.get(given) : undefined;
    if (found) return found;
    const parts = partsOfGiven(given);
    note(wholeNotices(architecture, parts, tokenizer, `The prompt '${where}'`));
    note(inputs(parts)?.notices ?? []);
    const made = readPrompt(context, given, where);
    if (typeof given === 'string') known.set(given, made);
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
    const further = jointly.map(({ component, position }, at): FurtherSource => {
      const sourceField = `furtherSources.${at}`;
      const other = read(example.furtherSources?.[at] ?? [], `${where}.${sourceField}`);
      const { prompt } = other;
      const both = { base, source: prompt, component };
      const pair = { ...both, sourceField, sourceIndex: at + 1, siteField: `jointly.${at}` };
      const place = placeOf(architecture, position, example, pair, where);
      const name = example.furtherSourceLabels?.[at];
      if (name === undefined) return { prompt, place };
      return { prompt, place, label: labelOf(name, other, `${where}.furtherSourceLabels.${at}`) };
    });
    const pair = { base, source, component, sourceField: 'source', sourceIndex: 0, siteField: 'site' };
    return {
      base,
      source,
      label,
      ...own('base'),
      ...own('source'),
      places: positions.map((position) => placeOf(architecture, position, example, pair, where)),
      further,
    };
  };
  const examples: ResolvedExample[] = [];
  for (const example of listed(examplesContext, given, field)) {
    examples.push(resolved(example, examples.length));
    yield;
  }
  return { examples, notices: [...notices.values()] };
}
