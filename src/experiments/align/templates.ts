// Examples for the embedded model's tasks: prompts from its evaluation, labels from a causal model of each task. They go
// into the `data` of an alignment.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { uniformStream } from '../../random/noise.ts';
import { ExperimentError } from '../experimentFile.ts';
import { placedPrompt, tokenEndingAt } from '../promptText.ts';
import {
  type CausalModel,
  causalModel,
  counterfactualExamples,
  runForward,
  sampleBalanced,
  sampleInput,
} from './causalModel.ts';
import type { AlignExampleFile } from './example.ts';

/** One of the prompts of `evaluation-prompts.json`. */
export interface PromptItem {
  readonly prompt: string;
  /** With the space before it. */
  readonly answer: string;
  readonly subject: string;
  /** Characters of the subject in the prompt, `end` excluded. */
  readonly start: number;
  readonly end: number;
  /** The template, or the relation that is asked for. */
  readonly group: string;
}

export interface TemplateOptions {
  readonly size: number;
  readonly seed: number;
}

/** Position of the last token of a part of a text: the tokens up to its end. */
function positionOf(tokenizer: Tokenizer, text: string, part: string): number {
  const at = text.indexOf(part);
  if (at < 0) throw new ExperimentError(`${JSON.stringify(text)} does not hold ${JSON.stringify(part)}.`);
  return tokenEndingAt(at + part.length, placedPrompt(text, tokenizer));
}

const unique = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

type Words = Readonly<Record<string, string>>;

/** `name` -> `gender` -> `pronoun`, with the frame of the sentence beside them. */
export function genderModel(items: readonly PromptItem[]): CausalModel<string> {
  const pronouns = new Map(items.map(({ subject, answer }) => [subject, answer]));
  const genders = { ' he': 'male', ' she': 'female' } as const;
  const names = [...pronouns.keys()].sort();
  const frames = unique(items.map(({ group }) => group)).toSorted();
  return causalModel<string>({
    values: { name: names, frame: frames, gender: ['female', 'male'], pronoun: [' he', ' she'] },
    parents: { name: [], frame: [], gender: ['name'], pronoun: ['gender'] },
    functions: {
      name: () => names[0] ?? '',
      frame: () => frames[0] ?? '',
      gender: (name = '') => (pronouns.get(name) === ' he' ? genders[' he'] : genders[' she']),
      pronoun: (gender) => (gender === 'male' ? ' he' : ' she'),
    },
  });
}

/**
 * Pairs of sentences about a person; the label is the pronoun for the source's gender. Half of the sources are of either
 * gender, whatever the base's. `positions.name` is the name.
 * @param items the `pronoun` prompts: their templates have `{n}` for the name
 */
export function genderExamples(
  items: readonly PromptItem[],
  tokenizer: Tokenizer,
  { size, seed }: TemplateOptions,
): readonly AlignExampleFile[] {
  const model = genderModel(items);
  const found = counterfactualExamples(model, size, uniformStream(seed), {
    variables: ['gender'],
    sample: (random) => sampleBalanced(model, random, 'pronoun'),
  });
  const textOf = ({ frame = '', name = '' }: Words) => frame.replace('{n}', name);
  return found.map(({ base, sources: { gender: source = {} }, baseSetting, setting }) => {
    const [baseText, sourceText] = [base, source].map(textOf) as [string, string]; // Two go in.
    return {
      base: baseText,
      source: sourceText,
      label: setting.pronoun ?? '',
      baseLabel: baseSetting.pronoun ?? '',
      sourceLabel: pronounOf(model, source),
      positions: {
        name: [
          positionOf(tokenizer, baseText, base.name ?? ''),
          positionOf(tokenizer, sourceText, source.name ?? ''),
        ],
      },
    };
  });
}

const pronounOf = (model: CausalModel<string>, source: Words): string =>
  runForward(model, source).pronoun ?? '';

/** The sentence of a prompt with `{A}` and `{B}` where its two names are first, and `{S}` where one comes again. */
function frameOf({ prompt, answer, subject }: PromptItem): string {
  const again = prompt.lastIndexOf(subject);
  const before = prompt.slice(0, again);
  const names = [subject, answer.trim()].toSorted((a, b) => before.indexOf(a) - before.indexOf(b));
  const [first = '', second = ''] = names;
  return `${before.replace(first, '{A}').replace(second, '{B}')}{S}${prompt.slice(again + subject.length)}`;
}

/**
 * Two names, one of them again: `repeated` -> `asked` (which of the two is not) -> `object` (its name).
 * @param items the `io` prompts
 */
export function indirectObjectModel(items: readonly PromptItem[]): CausalModel<string> {
  const names = unique(items.flatMap(({ answer, subject }) => [answer.trim(), subject])).toSorted();
  const frames = unique(items.map(frameOf)).toSorted();
  const either = ['first', 'second'];
  return causalModel<string>({
    values: { frame: frames, first: names, second: names, repeated: either, asked: either, object: names },
    parents: {
      frame: [],
      first: [],
      second: [],
      repeated: [],
      asked: ['repeated'],
      object: ['asked', 'first', 'second'],
    },
    functions: {
      frame: () => frames[0] ?? '',
      first: () => names[0] ?? '',
      second: () => names[1] ?? '',
      repeated: () => 'first',
      asked: (repeated) => (repeated === 'first' ? 'second' : 'first'),
      object: (asked, first = '', second = '') => (asked === 'first' ? first : second),
    },
  });
}

/**
 * Pairs of sentences with two names each. `asked` interchanges which of the two is the indirect object, and the label is the
 * base's name there; `object` interchanges its name. `positions` are `first`, `second` and `again`.
 * @param items the `io` prompts
 */
export function indirectObjectExamples(
  items: readonly PromptItem[],
  tokenizer: Tokenizer,
  { size, seed, variable }: TemplateOptions & { readonly variable: 'asked' | 'object' },
): readonly AlignExampleFile[] {
  const model = indirectObjectModel(items);
  const found = counterfactualExamples(model, size, uniformStream(seed), {
    variables: [variable],
    sample: (random) => sampleInput(model, random, ({ first, second }) => first !== second),
  });
  const parts = ({ frame = '', first = '', second = '', repeated }: Words) => {
    const again = repeated === 'first' ? first : second;
    const ends = ['{A}', '{B}', '{S}'].map((mark) => frame.slice(0, frame.indexOf(mark) + mark.length));
    const fill = (text: string) => text.replace('{A}', first).replace('{B}', second).replace('{S}', again);
    const text = fill(frame);
    const prompt = placedPrompt(text, tokenizer);
    return { text, places: ends.map((end) => tokenEndingAt(fill(end).length, prompt)) };
  };
  return found.map(({ base, sources, baseSetting, setting }) => {
    const source = sources[variable] ?? {};
    const [own, other] = [parts(base), parts(source)];
    const place = (at: number): [number, number] => [own.places[at] ?? 0, other.places[at] ?? 0];
    return {
      base: own.text,
      source: other.text,
      label: ` ${setting.object}`,
      baseLabel: ` ${baseSetting.object}`,
      sourceLabel: ` ${runForward(model, source).object}`,
      positions: { first: place(0), second: place(1), again: place(2) },
    };
  });
}

/**
 * `prompt` -> `landmark` -> `place` (its city, or its country).
 * @param items the `facts` prompts of one group, `city` or `country`
 */
export function landmarkModel(items: readonly PromptItem[]): CausalModel<string> {
  const landmarks = new Map(items.map(({ prompt, subject }) => [prompt, subject]));
  const places = new Map(items.map(({ subject, answer }) => [subject, answer]));
  const prompts = [...landmarks.keys()];
  return causalModel<string>({
    values: {
      prompt: prompts,
      landmark: unique([...landmarks.values()]).toSorted(),
      place: unique([...places.values()]).toSorted(),
    },
    parents: { prompt: [], landmark: ['prompt'], place: ['landmark'] },
    functions: {
      prompt: () => prompts[0] ?? '',
      landmark: (prompt = '') => landmarks.get(prompt) ?? '',
      place: (landmark = '') => places.get(landmark) ?? '',
    },
  });
}

/**
 * Pairs of sentences that ask where a landmark is; the label is the place of the source's. `positions.landmark` is its last
 * token.
 * @param items the `facts` prompts
 * @param group what is asked for
 */
export function landmarkExamples(
  items: readonly PromptItem[],
  tokenizer: Tokenizer,
  { size, seed, group }: TemplateOptions & { readonly group: 'city' | 'country' },
): readonly AlignExampleFile[] {
  const asked = new Map(items.filter((item) => item.group === group).map((item) => [item.prompt, item]));
  const model = landmarkModel([...asked.values()]);
  const found = counterfactualExamples(model, size, uniformStream(seed), { variables: ['place'] });
  const position = (prompt: string) =>
    tokenEndingAt(asked.get(prompt)?.end ?? prompt.length, placedPrompt(prompt, tokenizer));
  return found.map(({ base, sources, baseSetting, setting }) => {
    const source = runForward(model, sources.place);
    const [own = '', other = ''] = [base.prompt, source.prompt];
    return {
      base: own,
      source: other,
      label: setting.place ?? '',
      baseLabel: baseSetting.place ?? '',
      sourceLabel: source.place ?? '',
      positions: { landmark: [position(own), position(other)] },
    };
  });
}
