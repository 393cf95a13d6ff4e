// What stands beside the text of a prompt in a document of a page: the target, the picture, the sound; and what of it a model
// lacks, or has no use for.

import { type GivenFile, keyOfGiven, nameOf } from '../../experiments/givenFile.ts';
import {
  type GivenPrompt,
  givenOf,
  partsOfGiven,
  withGivenPromptFiles,
} from '../../experiments/givenPrompt.ts';
import type { ModelReads } from '../../worker/protocol.ts';
import { missingBytes } from './givenProblem.ts';
import { hasTarget } from './hasTarget.ts';
import { promptWord } from './promptWord.ts';

export interface Beside {
  /** What has been written so far, where the text is a source or a question. */
  readonly target?: string;
  readonly image?: GivenFile;
  readonly sound?: GivenFile;
}

/** What is undefined goes, and an empty target as well. */
export type BesideChange = { readonly [Name in keyof Beside]?: Beside[Name] | undefined };

export function changedBeside(beside: Beside, change: BesideChange): Beside {
  const { target, image, sound } = { ...beside, ...change };
  return {
    ...(target === undefined || target === '' ? {} : { target }),
    ...(image ? { image } : {}),
    ...(sound ? { sound } : {}),
  };
}

/** What a prompt of an experiment has beside its text; ids have no place on a page. */
export function besideOf(given: GivenPrompt): Beside {
  const { target, image, sound } = partsOfGiven(given);
  return changedBeside({}, { target: typeof target === 'string' ? target : undefined, image, sound });
}

/** A prompt of a document as an experiment states it. */
export const givenWith = (prompt: string, { target, image, sound }: Beside): GivenPrompt =>
  givenOf({ prompt, target, image, sound });

/** Whether some of a prompt is token ids, for which a page has no field. */
export function hasIds(given: GivenPrompt): boolean {
  const { prompt, target = '' } = partsOfGiven(given);
  return typeof prompt !== 'string' || typeof target !== 'string';
}

/** Why examples of token ids are not opened, with the way on. */
export const noIds =
  'Its examples are token ids, and the page has rows of text. Run it from the command line: patchbay run FILE.json --out DIR.';

/** Tells prompts apart, with short names in place of the bytes of files. */
export const namedPrompt = (given: GivenPrompt): GivenPrompt => withGivenPromptFiles(given, keyOfGiven);

/** A prompt in words, by its text or by what stands in its place: `cat.png`, `cat.png: what is it?` */
export function promptWords(given: GivenPrompt): string {
  const { prompt, image, sound } = partsOfGiven(given);
  const text = typeof prompt === 'string' ? prompt : `tokens ${prompt.join(' ')}`;
  const file = image ?? sound;
  if (file === undefined) return text;
  return text === '' ? nameOf(file) : `${nameOf(file)}: ${text}`;
}

/** What the model in use reads beside a text, or null; undefined before there is a model, which leaves the document's word. */
export type KnownReads = ModelReads | null | undefined;

/** @param model a stand-in knows no components, and not what is read */
export const readsIn = (model: object | null): KnownReads => {
  if (model === null || !('components' in model)) return undefined;
  // Who has components is what the engine says of a model.
  return 'reads' in model ? ((model.reads as ModelReads | undefined) ?? null) : null;
};

/** Whether a prompt has a text of its own: with a picture alone there is none. */
export const needsText = (reads: KnownReads): boolean => !reads || hasTarget(reads);

export const promptParts = ['prompt', 'target', 'image', 'sound'] as const;
export type PromptPart = (typeof promptParts)[number];

/** What files beside a text are called. */
export const fileWords = { image: 'picture', sound: 'sound' } as const;

interface Named {
  /** As a sentence begins: `Example 3`. */
  readonly name: string;
  /** It stands by itself, in no row of a list. */
  readonly isSingle?: boolean;
  /** What was made with its files: `The finetuning`. */
  readonly made: string;
}

function fileProblem(
  part: 'image' | 'sound',
  given: GivenFile | undefined,
  reads: KnownReads,
  { name, made, isSingle }: Named,
): string | null {
  const thing = fileWords[part];
  if (given === undefined) {
    if (reads?.kind !== part) return null;
    return isSingle
      ? `There is no ${thing}. Choose one, or drop it on its field.`
      : `${name} has no ${thing}. Choose one, or drop it on the row.`;
  }
  if (reads !== undefined && reads?.kind !== part)
    return `${name} has a ${thing}, and this model reads none. Take it away.`;
  // A document is opened from a link before there is a model, and the file is asked for when there is one.
  return reads === undefined ? null : missingBytes(given, made);
}

function textProblem(
  prompt: string,
  beside: Beside,
  reads: KnownReads,
  { name, isSingle }: Named,
): string | null {
  if (reads?.isAlone)
    return prompt === '' ? null : `${name} has a text, and this model reads a picture alone. Leave it empty.`;
  const hasFile = beside.image !== undefined || beside.sound !== undefined;
  if (prompt !== '' || (reads === undefined ? hasFile : !needsText(reads))) return null;
  const word = promptWord(reads);
  return isSingle ? `There is no ${word}. Write one.` : `${name} has no ${word}. Write it.`;
}

/** What is wrong with a prompt of a list, by the part of it that has a field; nothing where it can be read. */
export function promptProblems(
  prompt: string,
  beside: Beside,
  reads: KnownReads,
  named: Named,
): ReadonlyMap<PromptPart, string> {
  const { name } = named;
  const target =
    beside.target !== undefined && reads !== undefined && !hasTarget(reads)
      ? `${name} has a target, and what this model goes on from is its prompt. Leave it empty.`
      : null;
  const found = [
    ['prompt', textProblem(prompt, beside, reads, named)],
    ['target', target],
    ['image', fileProblem('image', beside.image, reads, named)],
    ['sound', fileProblem('sound', beside.sound, reads, named)],
  ] as const;
  return new Map(found.flatMap(([part, problem]) => (problem === null ? [] : [[part, problem] as const])));
}
