// Examples for the embedded model's tasks: prompts from its evaluation, labels from a causal model of each task. They go
// into the `data` of an alignment.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { uniformStream } from '../../interventions/noise.ts';
import { ExperimentError } from '../experimentFile.ts';
import { type CausalModel, causalModel, counterfactualExamples, sampleBalanced } from './causalModel.ts';
import type { AlignExampleFile } from './experiment.ts';

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
  return tokenizer.encode(text.slice(0, at + part.length)).length - 1;
}

const unique = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

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
  const textOf = ({ frame = '', name = '' }: Readonly<Record<string, string>>) => frame.replace('{n}', name);
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

const pronounOf = (model: CausalModel<string>, { name = '' }: Readonly<Record<string, string>>): string =>
  model.functions.pronoun?.(model.functions.gender?.(name) ?? '') ?? '';
