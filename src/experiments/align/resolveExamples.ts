// Makes the examples of an alignment definite: tokens, labels of one token, and the positions of each site.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { didYouMean } from '../../messages/nearest.ts';
import { schedule } from '../../runtime/plan/schedule.ts';
import { answerToken } from '../answers.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { Notice } from '../notice.ts';
import { promptRow } from '../planRuns.ts';
import { type NamedToken, promptNotices, tokensOf } from '../tokens.ts';
import { causalExamples } from './causalData.ts';
import type { AlignExample } from './example.ts';
import type { AlignExperiment } from './experiment.ts';

export interface ExamplePlace {
  readonly base: number;
  readonly source: number;
}

export interface ResolvedExample {
  readonly base: readonly number[];
  readonly source: readonly number[];
  readonly label: NamedToken;
  readonly baseLabel?: NamedToken;
  readonly sourceLabel?: NamedToken;
  /** Where the sites are, one for each of the experiment's positions. */
  readonly places: readonly ExamplePlace[];
}

export interface ExamplesContext {
  readonly architecture: Architecture;
  readonly tokenizer: Tokenizer | undefined;
  readonly positions: readonly (number | string)[];
}

/** @throws ExperimentError for a position that a prompt does not have, or a name that the example does not give */
function placeOf(
  name: number | string,
  { positions = {} }: AlignExample,
  { base, source }: Pick<ResolvedExample, 'base' | 'source'>,
  where: string,
): ExamplePlace {
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
  const labels = new Map<string, NamedToken>();
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
  const token = (name: string | number, after: string | readonly number[], where: string): NamedToken => {
    const key = JSON.stringify([name, typeof name === 'string' ? after : null]);
    const found = labels.get(key);
    if (found) return found;
    const { id, text, rest } = answerToken(name, `the label '${where}'`, {
      tokenizer,
      vocabularySize,
      after,
    });
    if (rest > 0) {
      const spaceless = typeof name === 'string' && !name.startsWith(' ');
      throw new ExperimentError(
        `'${where}' is ${JSON.stringify(name)}, which has ${rest + 1} tokens, the first of them ${JSON.stringify(text)}. A label must be one token.${spaceless ? ' Most tokenizers put the space before a word into its token; begin the label with one.' : ' Name its first token, or another word.'}`,
      );
    }
    labels.set(key, { id, text });
    return { id, text };
  };
  const resolved = (example: AlignExample, index: number): ResolvedExample => {
    // Of declared data no line of the file is wrong by itself.
    const where = 'causalModel' in given ? `${field} (declared), example ${index}` : `${field}.${index}`;
    const base = prompt(example.base, `${where}.base`);
    const source = prompt(example.source, `${where}.source`);
    const { baseLabel, sourceLabel } = example;
    return {
      base,
      source,
      label: token(example.label, example.base, `${where}.label`),
      ...(baseLabel === undefined ? {} : { baseLabel: token(baseLabel, example.base, `${where}.baseLabel`) }),
      ...(sourceLabel === undefined
        ? {}
        : { sourceLabel: token(sourceLabel, example.source, `${where}.sourceLabel`) }),
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
