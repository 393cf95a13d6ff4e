// Which files are pictures and sounds that a model reads, and what of a document one becomes.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { type GivenFile, givenBytes } from '../../experiments/givenFile.ts';
import { quoted } from '../../messages/wording.ts';

export type ChosenKind = 'image' | 'sound';

/** As a control says which files it takes. */
export const acceptedFiles = { image: 'image/png,image/jpeg', sound: 'audio/wav,.wav' } as const;

/** How a file of a kind is known before it is read, and what another is told. */
const kinds = {
  image: {
    ending: /\.(png|jpe?g)$/i,
    type: /^image\/(png|jpeg)$/,
    problem: 'is neither a PNG nor a JPEG picture. Convert it to one.',
  },
  sound: {
    ending: /\.wav$/i,
    type: /^audio\/(x-|vnd\.)?wave?$/,
    problem: 'is no WAV file. Convert it to one.',
  },
} as const satisfies Readonly<Record<ChosenKind, object>>;

const isChosenKind = (kind: ChosenKind, { name, type }: Pick<File, 'name' | 'type'>): boolean =>
  kinds[kind].ending.test(name) || kinds[kind].type.test(type);

/** Models and experiments: the page opens them, wherever on it they are dropped. */
const ofPage = /\.(json|csv|tsv|gguf|safetensors|onnx)$/i;

/**
 * What is dropped on a place for files of a kind. Whether it is of the kind, `chosenFile` says.
 * @returns null for nothing, folders, models and experiments, which are for what lies behind
 */
export function droppedOf(
  kind: ChosenKind,
  { files, items }: Pick<DataTransfer, 'files' | 'items'>,
): readonly File[] | null {
  const all = [...files];
  const isOfPage =
    all.some((file) => !isChosenKind(kind, file) && ofPage.test(file.name)) ||
    [...items].some((item) => item.webkitGetAsEntry()?.isDirectory);
  return all.length === 0 || isOfPage ? null : all;
}

/** @throws ExperimentError when it is of another kind, or too large */
export async function chosenFile(kind: ChosenKind, file: File): Promise<GivenFile> {
  if (!isChosenKind(kind, file)) throw new ExperimentError(`${quoted(file.name)} ${kinds[kind].problem}`);
  return givenBytes(file.name, new Uint8Array(await file.arrayBuffer()));
}
