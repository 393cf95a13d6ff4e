// What a document comes to: the experiment that a run would be given, or what is wrong, in a sentence at its control. What
// hangs on the model's shape is the engine's to say.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { readSteerExperiment, type SteerExperiment } from '../../experiments/steer/experiment.ts';
import type { ModelReads } from '../../worker/protocol.ts';
import type { Draft, Surroundings } from '../experiment/definition.ts';
import { hasStrength, type SteerDocument } from './document.ts';
import { nameOfEdit } from './names.ts';
import { numberIn, numbersIn, positionsIn, wholeIn, wholeNumbersIn } from './numberFields.ts';
import { isEmptyPassage, textsOf } from './pairs.ts';
import { editProblems, generationProblems, sweepProblems, vectorProblems } from './problems.ts';
import { wordsIn } from './words.ts';

/** By the name of its control: `vector 1 token`, `edit 2 strength`, `prompt 0`. */
export type SteerDraft = Draft<SteerExperiment>;

const given = <Name extends string>(name: Name, text: string, read: (text: string) => unknown = numberIn) =>
  text.trim() === '' ? {} : { [name]: read(text) };

const list = (name: string, text: string) => {
  const numbers = wholeNumbersIn(text) ?? [];
  return numbers.length === 0 ? {} : { [name]: numbers };
};

function vectorIn(vector: SteerDocument['vectors'][number]): unknown {
  const { name, component, layers, heads, normalize, origin } = vector;
  const from = (() => {
    switch (origin.kind) {
      case 'texts':
        return {
          method: origin.method,
          positive: textsOf(origin.rows, 'positive'),
          negative: textsOf(origin.rows, 'negative'),
          token: origin.token === 'mean' ? 'mean' : numberIn(origin.token),
        };
      case 'numbers':
        return { numbers: origin.numbers };
      case 'random':
        return { random: wholeIn(origin.seed) };
      default:
        return origin satisfies never;
    }
  })();
  return { name, component, ...list('layers', layers), ...list('heads', heads), from, normalize };
}

function mapIn({ map, amount, mean }: SteerDocument['edits'][number]): unknown {
  switch (map) {
    case 'add':
      return { kind: map };
    case 'ablate':
      return { kind: map, ...given('keep', amount) };
    case 'set':
      return { kind: map, to: numberIn(amount) };
    case 'cap':
      return { kind: map, at: numberIn(amount) };
    case 'between':
      return { kind: map, ...(mean === null ? {} : { from: mean }) };
    default:
      return map satisfies never;
  }
}

/** What a map does not use, and its control does not show, is nothing to refuse. */
const strengthIn = (edit: SteerDocument['edits'][number]): number => {
  const strength = numberIn(edit.strength);
  return Number.isNaN(strength) && !hasStrength(edit) ? 1 : strength;
};

function editIn(edit: SteerDocument['edits'][number]): unknown {
  const { name, on, vector, prompt, steps, top } = edit;
  return {
    ...(name === '' ? {} : { name }),
    on,
    vector,
    ...list('layers', edit.layers),
    ...list('heads', edit.heads),
    ...(top.trim() === '' ? {} : { top: { sites: wholeIn(top), by: edit.topBy } }),
    strength: strengthIn(edit),
    unit: edit.unit,
    map: mapIn(edit),
    keepNorm: edit.keepNorm,
    ...given('whileBelow', edit.whileBelow),
    ...(prompt === 'default'
      ? {}
      : { prompt: prompt === 'positions' ? (positionsIn(edit.positions) ?? []) : prompt }),
    ...(steps === 'default'
      ? {}
      : {
          steps:
            steps === 'range'
              ? {
                  ...given('from', edit.firstStep, wholeIn),
                  ...given('count', edit.stepCount, wholeIn),
                  ...given('every', edit.everyStep, wholeIn),
                }
              : steps,
        }),
    specialTokens: edit.specialTokens,
  };
}

function wordsOf({ towards, away }: SteerDocument['words']): object {
  const [to, from] = [wordsIn(towards) ?? [], wordsIn(away) ?? []];
  return to.length === 0 && from.length === 0 ? {} : { words: { towards: to, away: from } };
}

function promptIn({ passage, words }: SteerDocument['prompts'][number]): unknown {
  if (words === null) return passage;
  return typeof passage === 'string'
    ? { text: passage, ...wordsOf(words) }
    : { ...passage, ...wordsOf(words) };
}

/** A line for each stop string, `\n` for a line break in one. */
export const stopsIn = (text: string): readonly string[] =>
  text === ''
    ? []
    : text
        .split('\n')
        .map((line) => line.replace(/\\(n|\\)/g, (_, sign: string) => (sign === 'n' ? '\n' : '\\')));

function generationIn({ others, ...generation }: SteerDocument['generation']): unknown {
  return {
    ...others,
    maxNewTokens: wholeIn(generation.maxNewTokens),
    ...given('temperature', generation.temperature),
    ...given('topK', generation.topK),
    ...given('topP', generation.topP),
    ...given('minP', generation.minP),
    seed: wholeIn(generation.seed),
    samples: wholeIn(generation.samples),
    stop: stopsIn(generation.stop),
  };
}

function sweepIn({ isOn, layers, strengths, others, ...sweep }: SteerDocument['sweep']): object {
  if (!isOn) return {};
  return {
    sweep: {
      ...others,
      layers: wholeNumbersIn(layers) ?? [],
      strengths: numbersIn(strengths) ?? [],
      ...list('seeds', sweep.seeds),
      ...given('maxNewTokens', sweep.maxNewTokens, wholeIn),
      random: wholeIn(sweep.random),
    },
  };
}

/** Prompts that have something in them: an empty one is still being typed. */
const written = ({ prompts }: SteerDocument) => prompts.filter(({ passage }) => !isEmptyPassage(passage));

/** @throws ExperimentError in the kind's words */
export function experimentIn(document: SteerDocument, model: string): SteerExperiment {
  const { title, asked, directions, candidates, columns } = document;
  return readSteerExperiment({
    kind: 'steer',
    version: 1,
    ...(title === undefined ? {} : { title }),
    model,
    vectors: document.vectors.map(vectorIn),
    edits: document.edits.map(editIn),
    prompts: written(document).map(promptIn),
    generation: generationIn(document.generation),
    columns,
    ...(asked === '' ? {} : { asked }),
    ...wordsOf(document.words),
    directions,
    candidates,
    ...sweepIn(document.sweep),
  });
}

const noPrompt = {
  plain: 'Type a prompt: the texts go on from it, with the vector and without.',
  text: 'Type a source: the texts are written from it, with the vector and without.',
  image: 'Choose a picture: the texts are about it, with the vector and without.',
  asked: 'Ask about a picture: the answers are written with the vector and without.',
  sound: 'Choose a sound: the texts are what is heard, with the vector and without.',
} as const;

/** @param reads what the model reads beside a text; null where it reads none, or there is no model yet */
function documentProblems(document: SteerDocument, reads: ModelReads | null): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  const { vectors, edits, words, asked, columns } = document;
  if (vectors.length === 0)
    problems.set('vectors', 'Make a vector first: it says in which direction states are moved.');
  const names = vectors.map(({ name }) => name);
  vectors.forEach((vector, index) => {
    for (const [field, problem] of vectorProblems(vector, names.indexOf(vector.name) !== index))
      problems.set(`vector ${vector.id} ${field}`, problem);
  });
  edits.forEach((edit, index) => {
    const isTwice = edits.map(nameOfEdit).indexOf(nameOfEdit(edit)) !== index;
    for (const [field, problem] of editProblems(edit, isTwice))
      problems.set(`edit ${edit.id} ${field}`, problem);
  });
  if (written(document).length === 0)
    problems.set('prompts', noPrompt[reads?.isAsked ? 'asked' : (reads?.kind ?? 'plain')]);
  if (columns.length === 0) problems.set('columns', 'Choose at least one column to compare.');
  if (columns.includes('asked') && asked.trim() === '')
    problems.set('asked', 'Write what asks for the same in words, or take the column away.');
  for (const [field, problem] of generationProblems(document.generation)) problems.set(field, problem);
  for (const field of ['towards', 'away'] as const)
    if (wordsIn(words[field]) === null)
      problems.set(field, 'A word in quotation marks ends with one, and commas stand between words.');
  if (wordsIn(words.towards)?.length === 0 && wordsIn(words.away)?.length !== 0)
    problems.set('towards', 'Write the words that it is to move towards as well.');
  for (const [field, problem] of sweepProblems(document.sweep)) problems.set(field, problem);
  return problems;
}

export function deriveSteer(document: SteerDocument, { model, tokens }: Surroundings): SteerDraft {
  const reads = (model !== null && 'reads' in model && model.reads) || null;
  const problems = documentProblems(document, reads);
  if (problems.size > 0 || model === null) return { experiment: null, problems };
  // Of a source the engine says how long it may be.
  const long = reads ? -1 : tokens.findIndex((own) => own !== null && own.length >= model.maxPositions);
  if (long >= 0)
    return {
      experiment: null,
      problems: new Map([
        [
          `prompt ${long}`,
          `The prompt has ${tokens[long]?.length} tokens, and ${model.label} has ${model.maxPositions} positions: there is no room for a text. Shorten it.`,
        ],
      ]),
    };
  try {
    return { experiment: experimentIn(document, model.label), problems };
  } catch (cause) {
    if (!(cause instanceof ExperimentError)) throw cause;
    return { experiment: null, problems: new Map([['experiment', cause.message]]) };
  }
}
