// What a document of the rack holds of what a model reads beside the text of a prompt: the target, the picture, the sound. A
// document keeps them all, and an experiment takes those that its model reads.

import type { GivenFile } from '../../experiments/givenFile.ts';
import { type GivenPrompt, givenOf } from '../../experiments/givenPrompt.ts';
import type { ModelReads } from '../../worker/protocol.ts';
import type { KnownReads } from '../prompt/beside.ts';
import { givenProblem } from '../prompt/givenProblem.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { besideAt, type Prompts, textAt } from './document.ts';

/** A prompt as an experiment states it. */
export function givenAt(document: Prompts, place: number, reads: KnownReads): GivenPrompt {
  const { target, image, sound } = besideAt(document, place);
  const takes = (kind: ModelReads['kind']) => reads === undefined || reads?.kind === kind;
  return givenOf({
    prompt: reads?.isAlone ? '' : textAt(document, place),
    target: reads === undefined || hasTarget(reads) ? target : undefined,
    image: takes('image') ? image : undefined,
    sound: takes('sound') ? sound : undefined,
  });
}

/** Whether somebody has given a prompt, so that it is to be read. */
export function isGiven(document: Prompts, place: number, reads: KnownReads): boolean {
  const { image, sound } = besideAt(document, place);
  const read: GivenFile | undefined = image ?? sound;
  if (reads === undefined) return textAt(document, place) !== '' || read !== undefined;
  if (reads === null || hasTarget(reads)) return textAt(document, place) !== '';
  return (reads.kind === 'image' ? image : sound) !== undefined;
}

/** Why a prompt cannot be read yet, as a sentence; null where it can. */
export function missingAt(document: Prompts, place: number, reads: KnownReads): string | null {
  const problem = givenProblem(besideAt(document, place), reads ?? null, 'The patch');
  if (problem !== null) return problem;
  const isText = !reads || hasTarget(reads);
  if (!isText || textAt(document, place).trim() !== '') return null;
  if (reads?.isAsked) return 'Type the question about the picture.';
  return reads ? 'Type the text that the encoder reads.' : 'Type a base prompt.';
}
