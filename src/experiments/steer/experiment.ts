// The file of a steering: vectors made of texts, edits that put them somewhere, and what is generated to see what they
// do: columns of texts side by side, and a sweep over layers and strengths.

import * as v from 'valibot';
import type { SamplingOptions } from '../../runtime/generation/sampling/sampling.ts';
import {
  ExperimentError,
  type Immutable,
  readVersioned,
  textOrIds,
  tokenId,
  tokenName,
  wholeNumber,
} from '../experimentFile.ts';
import type { GivenFile } from '../givenFile.ts';
import { givenPromptEntries, hasGivenText, partsOfGiven, withGivenPromptFiles } from '../givenPrompt.ts';

export const steerVersion = 1;

const count = v.pipe(wholeNumber, v.minValue(0));
const several = v.pipe(wholeNumber, v.minValue(1));
const number = v.pipe(v.number(), v.finite());
const seed = v.pipe(wholeNumber, v.minValue(0), v.maxValue(2 ** 32 - 1));
const name = v.pipe(v.string(), v.minLength(1, 'A name must have at least one letter'));
const layerList = v.pipe(v.array(count), v.nonEmpty());

const chatSchema = v.strictObject({
  messages: v.pipe(v.array(v.strictObject({ role: v.string(), content: v.string() })), v.nonEmpty()),
  /** With which words the reply begins; they are part of the prompt. */
  reply: v.optional(v.string()),
});
/** A text, token ids, these with what the model reads beside them, or a chat that the model's own template writes down. */
const passageSchema = v.union([textOrIds, v.strictObject(givenPromptEntries), chatSchema]);

const wordsSchema = v.strictObject({
  towards: v.pipe(v.array(tokenName), v.nonEmpty()),
  away: v.optional(v.array(tokenName), []),
});

/** A passage with words of its own, which take the place of the experiment's. */
const promptSchema = v.union([
  textOrIds,
  v.strictObject({ text: textOrIds, words: v.optional(wordsSchema) }),
  v.strictObject({ ...givenPromptEntries, words: v.optional(wordsSchema) }),
  v.strictObject({ ...chatSchema.entries, words: v.optional(wordsSchema) }),
]);

export const vectorMethods = [
  'difference',
  'pca-centred',
  'pca-differences',
  'probe',
  'activation-addition',
] as const;
export type VectorMethod = (typeof vectorMethods)[number];

const fromSchema = v.union([
  v.strictObject({
    method: v.picklist(vectorMethods),
    positive: v.pipe(v.array(passageSchema), v.nonEmpty()),
    negative: v.pipe(v.array(passageSchema), v.nonEmpty()),
    /**
     * Whose state is read: a position, negative ones from the end; or the mean over all tokens but the first and special
     * ones. An activation addition takes every position, whatever stands here.
     */
    token: v.optional(v.union([wholeNumber, v.literal('mean')]), -1),
  }),
  /** Numbers from elsewhere: a list for each layer; of a per-head component a list for each layer and head, layer by layer. */
  v.strictObject({ numbers: v.pipe(v.array(v.pipe(v.array(number), v.nonEmpty())), v.nonEmpty()) }),
  /** Directions drawn evenly, of unit length. */
  v.strictObject({ random: seed }),
]);

const vectorSchema = v.strictObject({
  name,
  component: v.optional(v.string(), 'block_output'),
  /** Default all. */
  layers: v.optional(layerList),
  /** Of a per-head component; default all. */
  heads: v.optional(layerList),
  from: fromSchema,
  /** Give it unit length at each site. */
  normalize: v.optional(v.boolean(), false),
});

/** As in a steering file; numbers along the vector are in the edit's unit. */
const mapSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('add') }),
  v.strictObject({ kind: v.literal('ablate'), keep: v.exactOptional(number) }),
  v.strictObject({ kind: v.literal('set'), to: number }),
  v.strictObject({ kind: v.literal('cap'), at: number }),
  /** `from` is the mean of the negative texts where it is left out. */
  v.strictObject({ kind: v.literal('between'), from: v.exactOptional(v.array(number)) }),
]);

export const strengthUnits = ['raw', 'relative', 'sigma'] as const;
export type StrengthUnit = (typeof strengthUnits)[number];

const editSchema = v.strictObject({
  /** Default the vector's. */
  name: v.optional(name),
  on: v.optional(v.boolean(), true),
  vector: name,
  /** Default the vector's. */
  layers: v.optional(layerList),
  heads: v.optional(layerList),
  /** Of the vector's sites only those that tell the classes of its texts apart best, by held-out accuracy. */
  top: v.optional(
    v.strictObject({ sites: several, by: v.optional(v.picklist(['vector', 'probe']), 'vector') }),
  ),
  strength: v.optional(number, 1),
  unit: v.optional(v.picklist(strengthUnits), 'raw'),
  map: v.optional(mapSchema, { kind: 'add' }),
  keepNorm: v.optional(v.boolean(), false),
  whileBelow: v.exactOptional(number),
  prompt: v.exactOptional(v.union([v.picklist(['all', 'none']), v.array(wholeNumber)])),
  steps: v.exactOptional(
    v.union([
      v.picklist(['all', 'none']),
      v.strictObject({
        from: v.exactOptional(count),
        count: v.exactOptional(several),
        every: v.exactOptional(several),
      }),
    ]),
  ),
  specialTokens: v.optional(v.boolean(), false),
});

const samplingEntries = {
  temperature: v.exactOptional(number),
  topK: v.exactOptional(number),
  topP: v.exactOptional(number),
  minP: v.exactOptional(number),
  typicalP: v.exactOptional(number),
  repetitionPenalty: v.exactOptional(number),
  frequencyPenalty: v.exactOptional(number),
  presencePenalty: v.exactOptional(number),
  noRepeatNgramSize: v.exactOptional(number),
} satisfies Partial<Record<keyof SamplingOptions, unknown>>;

const mostNewTokens = 10_000;

const generationSchema = v.strictObject({
  maxNewTokens: v.optional(
    v.pipe(several, v.maxValue(mostNewTokens, `A text can have at most ${mostNewTokens} new tokens`)),
    20,
  ),
  ...samplingEntries,
  seed: v.optional(seed, 0),
  /** Texts of each prompt and column. */
  samples: v.optional(v.pipe(several, v.maxValue(64)), 1),
  stop: v.optional(v.array(v.pipe(v.string(), v.minLength(1, 'A stop string must not be empty'))), []),
  /** Tokens that end a text; default what the model's files say. */
  eos: v.exactOptional(v.array(tokenId)),
});

export const steerColumns = ['unsteered', 'steered', 'negative', 'random', 'asked'] as const;
export type SteerColumn = (typeof steerColumns)[number];

const sweepSchema = v.strictObject({
  /** Name of the edit whose layer and strength are swept; the others stay as they are. Default the first that is on. */
  edit: v.optional(name),
  layers: layerList,
  /** In the unit of the edit. */
  strengths: v.pipe(v.array(number), v.nonEmpty()),
  /** Of the texts; default that of the generation. */
  seeds: v.optional(v.pipe(v.array(seed), v.nonEmpty())),
  /** Default that of the generation. */
  maxNewTokens: v.optional(v.pipe(several, v.maxValue(mostNewTokens))),
  /** Directions drawn at random, of the same norm, that each cell is compared with. */
  random: v.optional(v.pipe(count, v.maxValue(16)), 1),
  /** A cell whose mean costs more on the first half of the prompts is not chosen. */
  limits: v.optional(
    v.strictObject({
      perplexity: v.exactOptional(number),
      divergence: v.exactOptional(number),
      repetition: v.exactOptional(number),
    }),
    {},
  ),
});

export const steerExperimentSchema = v.strictObject({
  kind: v.literal('steer'),
  version: v.literal(steerVersion),
  title: v.optional(v.string()),
  /** A Hub id, a path, or the name of the embedded model. */
  model: v.string(),
  revision: v.optional(v.string()),
  vectors: v.pipe(v.array(vectorSchema), v.nonEmpty()),
  edits: v.optional(v.array(editSchema), []),
  prompts: v.optional(v.array(promptSchema), []),
  generation: v.optional(generationSchema, {}),
  columns: v.optional(v.array(v.picklist(steerColumns)), ['unsteered', 'steered']),
  /** What asks for the same in words: put before a text, and into a chat as a system turn. */
  asked: v.optional(v.string()),
  /** What the effect is measured on: the mean log-probability of the first, less that of the second. */
  words: v.optional(wordsSchema),
  /** Directions of the column `random`. */
  directions: v.optional(v.pipe(several, v.maxValue(16)), 1),
  /** Most probable tokens that are kept at each new token, with the edits and without. */
  candidates: v.optional(v.pipe(count, v.maxValue(100)), 10),
  sweep: v.optional(sweepSchema),
});

export type SteerExperiment = Immutable<v.InferOutput<typeof steerExperimentSchema>>;
export type SteerVector = SteerExperiment['vectors'][number];
export type SteerEdit = SteerExperiment['edits'][number];
export type SteerPrompt = SteerExperiment['prompts'][number];
export type SteerPassage = Immutable<v.InferOutput<typeof passageSchema>>;
export type SteerWords = Immutable<v.InferOutput<typeof wordsSchema>>;

export const editName = ({ name, vector }: SteerEdit): string => name ?? vector;

/** Edits that are on. */
export const activeEdits = ({ edits }: SteerExperiment): readonly SteerEdit[] => edits.filter(({ on }) => on);

/** The edit that a sweep moves. @throws ExperimentError when there is none */
export function sweptEdit(experiment: SteerExperiment): SteerEdit {
  const wanted = experiment.sweep?.edit;
  const active = activeEdits(experiment);
  const found = wanted === undefined ? active[0] : active.find((edit) => editName(edit) === wanted);
  if (found) return found;
  throw new ExperimentError(
    wanted === undefined
      ? 'The sweep has no edit whose layer and strength it could change. Give one in "edits".'
      : `The sweep names the edit '${wanted}', and no edit that is on has that name. There are: ${active.map((edit) => `'${editName(edit)}'`).join(', ') || 'none'}.`,
  );
}

/** The passage of a prompt, without its words. */
export function passageOf(prompt: SteerPrompt): SteerPassage {
  if (typeof prompt === 'string') return prompt;
  if ('text' in prompt) return prompt.text;
  if (!('words' in prompt)) return prompt;
  const { words: _, ...passage } = prompt;
  return passage;
}

export type SteerChat = Extract<SteerPassage, { readonly messages: unknown }>;

export const isChat = (passage: SteerPrompt): passage is SteerChat =>
  typeof passage === 'object' && 'messages' in passage;

/** An experiment with the pictures and sounds of its passages as `change` makes them: read, or left out of a link. */
export function withSteerFiles(
  { prompts, vectors, ...experiment }: SteerExperiment,
  change: (given: GivenFile) => GivenFile,
): SteerExperiment {
  const ofPassage = (passage: SteerPassage): SteerPassage =>
    typeof passage === 'object' && 'prompt' in passage ? withGivenPromptFiles(passage, change) : passage;
  const ofPrompt = (prompt: SteerPrompt): SteerPrompt => {
    if (typeof prompt !== 'object' || !('prompt' in prompt)) return prompt;
    const { words, ...passage } = prompt;
    const { image, sound } = partsOfGiven(withGivenPromptFiles(passage, change));
    return { ...prompt, ...(image ? { image } : {}), ...(sound ? { sound } : {}) };
  };
  return {
    ...experiment,
    prompts: prompts.map(ofPrompt),
    vectors: vectors.map((vector) => {
      const { from } = vector;
      if (!('method' in from)) return vector;
      const [positive, negative] = [from.positive.map(ofPassage), from.negative.map(ofPassage)];
      return { ...vector, from: { ...from, positive, negative } };
    }),
  };
}

/** What the effect is measured on after a prompt: its own words, else those of the experiment. */
export function wordsOf({ words }: SteerExperiment, prompt: SteerPrompt): SteerWords | undefined {
  const own = typeof prompt === 'object' && 'words' in prompt ? prompt.words : undefined;
  return own ?? words;
}

function refuseTwice(names: readonly string[], what: string): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw new ExperimentError(`Two ${what} have the name '${twice}'. Give each a name of its own.`);
}

function checkReferences(experiment: SteerExperiment): void {
  const { vectors, edits, columns, asked, prompts, sweep } = experiment;
  refuseTwice(
    vectors.map(({ name }) => name),
    'vectors',
  );
  refuseTwice(edits.map(editName), 'edits');
  refuseTwice(columns, 'columns');
  for (const edit of edits) {
    if (vectors.some(({ name }) => name === edit.vector)) continue;
    throw new ExperimentError(
      `The edit '${editName(edit)}' names the vector '${edit.vector}', which is not there. There are: ${vectors.map(({ name }) => `'${name}'`).join(', ')}.`,
    );
  }
  const active = activeEdits(experiment);
  const edited = columns.filter((column) => column !== 'unsteered' && column !== 'asked');
  if (prompts.length > 0 && active.length === 0 && edited.length > 0)
    throw new ExperimentError(
      `No edit is on, so the columns ${edited.join(', ')} would repeat 'unsteered'. Turn an edit on, or leave them out.`,
    );
  if (columns.includes('asked') && (asked ?? '').trim() === '')
    throw new ExperimentError(
      'The column \'asked\' needs the words that ask: write them under "asked", or leave the column out.',
    );
  const turns = active.some(({ map }) => map.kind === 'add' || map.kind === 'between');
  if (columns.includes('negative') && active.length > 0 && !turns)
    throw new ExperimentError(
      "No edit adds anything, so the column 'negative' would repeat 'steered'. Leave it out.",
    );
  if (!sweep) return;
  if (prompts.length === 0)
    throw new ExperimentError('A sweep needs at least one prompt. Give some in "prompts".');
  const swept = sweptEdit(experiment);
  if (swept.map.kind !== 'add' && swept.map.kind !== 'between')
    throw new ExperimentError(
      `The edit '${editName(swept)}' has the map '${swept.map.kind}', which has no strength to sweep. Sweep one that adds.`,
    );
  refuseTwice(sweep.strengths.map(String), 'strengths of the sweep');
  refuseTwice(sweep.layers.map(String), 'layers of the sweep');
  refuseTwice((sweep.seeds ?? []).map(String), 'seeds of the sweep');
}

/**
 * @param value what JSON.parse gave
 * @throws ExperimentError that names the first thing that is wrong
 */
export function readSteerExperiment(value: unknown): SteerExperiment {
  const experiment = readVersioned(steerExperimentSchema, value, 'steer', steerVersion);
  checkReferences(experiment);
  return experiment;
}

const isWritten = (passage: SteerPassage): boolean => isChat(passage) || hasGivenText(passage);

/** Whether some text of it must become tokens. */
export function hasSteerText(experiment: SteerExperiment): boolean {
  const { vectors, prompts, columns, asked, generation } = experiment;
  const read = vectors.flatMap(({ from }) => ('method' in from ? [...from.positive, ...from.negative] : []));
  const named = prompts.flatMap((prompt) => {
    const { towards = [], away = [] } = wordsOf(experiment, prompt) ?? {};
    return [...towards, ...away];
  });
  return (
    [...read, ...prompts.map(passageOf)].some(isWritten) ||
    named.some((word) => typeof word === 'string') ||
    (columns.includes('asked') && asked !== undefined) ||
    generation.stop.length > 0
  );
}

/** Whether some passage is a chat, so that the model's template is needed. */
export function hasChat({ vectors, prompts }: SteerExperiment): boolean {
  const read = vectors.flatMap(({ from }) => ('method' in from ? [...from.positive, ...from.negative] : []));
  return [...read, ...prompts.map(passageOf)].some(isChat);
}
