// Which files are pictures and sounds that a model reads, and what of a document one becomes.

import { type GivenFile, givenBytes } from '../../experiments/givenFile.ts';

export type ChosenKind = 'image' | 'sound';

/** As a control says which files it takes. */
export const acceptedFiles = { image: 'image/png,image/jpeg', sound: 'audio/wav,.wav' } as const;

const endings: Readonly<Record<ChosenKind, RegExp>> = { image: /\.(png|jpe?g)$/i, sound: /\.wav$/i };

export const isChosenKind = (kind: ChosenKind, { name }: Pick<File, 'name'>): boolean =>
  endings[kind].test(name);

/** @throws ExperimentError when it is too large */
export const chosenFile = async (file: File): Promise<GivenFile> =>
  givenBytes(file.name, new Uint8Array(await file.arrayBuffer()));
