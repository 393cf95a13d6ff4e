// What a document holds of what a model reads beside its prompt: the target, the picture, the sound, and the part of them that is
// corrupted. A document keeps them all, and an experiment takes those that its model reads.

import { nameOf } from '../../experiments/givenFile.ts';
import { type TraceExperiment, traceLimits } from '../../experiments/trace/experiment.ts';
import type { ModelInfo, ModelReads } from '../../worker/protocol.ts';
import type { KnownModel } from '../experiment/definition.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import type { Box } from '../prompt/PatchGrid.tsx';
import type { TraceDocument } from './document.ts';

/** A subject that is no words. */
export type InputSubject =
  | { readonly patches: [number, number, number, number] }
  | { readonly seconds: [number, number] };

/** Without a model nothing is known of what it reads: then the document's own word is taken. */
const isKnown = (model: KnownModel | ModelInfo | null): boolean => model !== null && 'components' in model;

/** Nobody has marked anything yet: the middle of the picture. */
export const middleOf = ({ across, down }: NonNullable<ModelReads['patches']>): Box => [
  Math.floor(across / 4),
  Math.floor(down / 4),
  Math.max(Math.floor(across / 4) + 1, Math.ceil((3 * across) / 4)),
  Math.max(Math.floor(down / 4) + 1, Math.ceil((3 * down) / 4)),
];

/** The subject in a picture or a sound; null where words are the subject, or none is given yet. */
export function inputSubject(
  { subject, prompt }: Pick<TraceDocument, 'subject' | 'prompt'>,
  reads: ModelReads | null,
): InputSubject | null {
  const kind = reads?.kind;
  if (subject.kind === 'patches' && (kind === 'image' || reads === null))
    return { patches: [...subject.box] };
  if (subject.kind === 'seconds' && (kind === 'sound' || reads === null)) {
    const [from, to] = [Number(subject.from), Number(subject.to)];
    return subject.from.trim() !== '' && subject.to.trim() !== '' && from >= 0 && from < to
      ? { seconds: [from, to] }
      : null;
  }
  const isOfWords = prompt.trim() !== '' && subject.kind !== 'patches';
  if (kind === 'image' && reads?.patches && !isOfWords) return { patches: [...middleOf(reads.patches)] };
  return null;
}

export const subjectProblem = (reads: ModelReads | null): string =>
  reads?.kind === 'sound'
    ? 'Say which seconds of the sound are corrupted, or mark words of the prompt.'
    : 'Mark the subject: drag over its tokens.';

/** Why a part of what a model reads cannot be exchanged; null where it can. */
export function exchangeProblem(
  { other }: Pick<TraceDocument, 'other'>,
  part: InputSubject | null,
): string | null {
  if (part === null) return 'Words are not exchanged with a picture or a sound. Choose another corruption.';
  const what = 'patches' in part ? 'picture' : 'sound';
  if (other === null) return `Choose the other ${what}, a part of which stands in the subject’s place.`;
  return 'data' in other ? null : `“${nameOf(other)}” is not held by a link. Choose it again.`;
}

/** Whether what is read is cut into parts, of which some are corrupted. */
export const isCut = (reads: ModelReads | null): boolean =>
  reads?.kind === 'sound' || reads?.kind === 'image';

export function partsProblem(
  { parts }: Pick<TraceDocument, 'parts'>,
  reads: ModelReads | null,
): string | null {
  if (parts === '' || !isCut(reads)) return null;
  const count = Number(parts);
  return Number.isInteger(count) && count >= 1 && count <= traceLimits.parts
    ? null
    : `The parts must be a whole number from 1 to ${traceLimits.parts}.`;
}

/** What an experiment states beside its prompt. */
export function givenParts(
  { target, image, sound, parts }: TraceDocument,
  model: KnownModel | ModelInfo,
  reads: ModelReads | null,
): Pick<TraceExperiment, 'target' | 'image' | 'sound' | 'parts'> {
  const has = (kind: ModelReads['kind']) => (isKnown(model) ? reads?.kind === kind : true);
  return {
    ...((hasTarget(reads) || !isKnown(model)) && target !== '' ? { target } : {}),
    ...(has('image') && image !== null ? { image } : {}),
    ...(has('sound') && sound !== null ? { sound } : {}),
    ...((isCut(reads) || !isKnown(model)) && parts !== '' ? { parts: Number(parts) } : {}),
  };
}
