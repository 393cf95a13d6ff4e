// Writes a file so that whoever reads it finds the old one or the new one, never half of one: a run may be stopped, or the
// disk may fill up, while it writes, and the next run goes on from what is there.

import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** The results could not be written. */
export class WriteError extends Error {
  override readonly name = 'WriteError';
}

/**
 * Write beside the file and put the new one in its place.
 * @throws WriteError with the reason of the system; the file that was there is untouched
 */
export function writeWhole(path: string, content: string | Uint8Array): void {
  // Two runs into one folder do not write into each other's.
  const unfinished = `${path}.${process.pid}.part`;
  try {
    writeFileSync(unfinished, content);
    renameSync(unfinished, path);
  } catch (cause) {
    rmSync(unfinished, { force: true });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WriteError(
      `'${path}' cannot be written (${reason}). What was there before is as it was; make room there, or name another folder by --out.`,
    );
  }
}
