// What was dropped on the page: files, and the files inside dropped folders.

import { type FoundFile, maxFiles } from './modelFiles.ts';

/** The entries must be taken while the drop event is handled; afterwards the browser has emptied its list. */
export function droppedEntries(transfer: DataTransfer): readonly FileSystemEntry[] {
  return [...transfer.items].flatMap((item) => {
    const entry = item.kind === 'file' ? item.webkitGetAsEntry() : null;
    return entry === null ? [] : [entry];
  });
}

const isFileEntry = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolderEntry = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

/** A reader hands out a folder in parts, and an empty part at the end. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (part.length === 0) return all;
    all.push(...part);
  }
}

/** @throws RangeError when there are more files than a model can have, before they are all walked */
export async function filesFromEntries(entries: readonly FileSystemEntry[]): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  const waiting = [...entries];
  for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
    if (isFileEntry(entry)) {
      const source = entry;
      const file = await new Promise<File>((resolve, reject) => source.file(resolve, reject));
      found.push({ path: entry.fullPath.replace(/^\//, ''), file });
    } else if (isFolderEntry(entry)) {
      waiting.push(...(await entriesOf(entry)));
    }
    if (found.length + waiting.length > maxFiles) {
      throw new RangeError(`There are more than ${maxFiles} files. Drop the folder that holds one model.`);
    }
  }
  return found;
}
