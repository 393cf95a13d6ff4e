// What was dropped on the page: files, and the files inside dropped folders.

import { type FoundFile, maxFiles } from './modelFiles.ts';

/** Must be taken while the drop event is handled; afterwards the browser has emptied its list. */
export interface Dropped {
  /** Files and folders of the file system. */
  readonly entries: readonly FileSystemEntry[];
  /** Files that are in none, such as one dragged out of another page. */
  readonly files: readonly File[];
}

export function droppedItems(transfer: DataTransfer): Dropped {
  const entries: FileSystemEntry[] = [];
  const files: File[] = [];
  for (const item of transfer.items) {
    const entry = item.kind === 'file' ? item.webkitGetAsEntry() : null;
    const file = item.getAsFile();
    if (entry !== null) entries.push(entry);
    else if (file !== null) files.push(file);
  }
  return { entries, files };
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
export async function filesOf({ entries, files }: Dropped): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = files.map((file) => ({ path: file.name, file }));
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
