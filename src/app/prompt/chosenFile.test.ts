import { expect, test } from 'vitest';
import { type ChosenKind, chosenFile, droppedOf } from './chosenFile.ts';

const fileOf = (name: string, type = '') => new File(['abc'], name, { type });

/** As far as it is looked at. Node has no DataTransfer. */
function dropped(files: readonly File[], isFolder = false) {
  const items = files.map(() => ({ webkitGetAsEntry: () => ({ isDirectory: isFolder }) }));
  // Lists of these are all that is read of the browser's own.
  return { files, items } as unknown as DataTransfer;
}

test('a file becomes a part of the document where its name or its type says that it is of the kind', async () => {
  expect(await chosenFile('image', fileOf('cat.JPG'))).toEqual({
    name: 'cat.JPG',
    // Of the letters abc, as FIPS 180-2 gives it.
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    data: 'YWJj',
  });
  expect(await chosenFile('image', fileOf('cat', 'image/png'))).toMatchObject({ name: 'cat' });
  expect(await chosenFile('sound', fileOf('tone.bin', 'audio/x-wav'))).toMatchObject({ name: 'tone.bin' });
});

test.each<readonly [ChosenKind, string, string, string]>([
  ['image', 'notes.txt', 'text/plain', "'notes.txt' is neither a PNG nor a JPEG picture. Convert it to one."],
  ['image', 'cat.gif', 'image/gif', "'cat.gif' is neither a PNG nor a JPEG picture. Convert it to one."],
  ['image', 'tone.wav', 'audio/wav', "'tone.wav' is neither a PNG nor a JPEG picture. Convert it to one."],
  ['sound', 'cat.png', 'image/png', "'cat.png' is no WAV file. Convert it to one."],
])('where a file of kind %s is asked for, %s is refused', async (kind, name, type, sentence) => {
  await expect(chosenFile(kind, fileOf(name, type))).rejects.toThrow(sentence);
});

test('what is dropped is taken or refused at its place, but for what the page opens', () => {
  const picture = fileOf('cat.png');
  const other = fileOf('notes.txt');
  const model = fileOf('model.safetensors');
  expect(droppedOf('image', dropped([picture]))).toEqual([picture]);
  expect(droppedOf('image', dropped([picture, other]))).toEqual([picture, other]);
  for (const files of [[], [model], [picture, model], [fileOf('experiment.json', 'application/json')]])
    expect(droppedOf('image', dropped(files))).toBeNull();
  // A folder is a file without bytes there, and may have a point in its name.
  expect(droppedOf('image', dropped([fileOf('small.vit')], true))).toBeNull();
});
