// A prompt in a line of a table: the picture or the sound that is read, by name, and the texts beside it.

/** @param texts a source, then what was written; an empty one says nothing */
export const promptLine = (read: string | undefined, texts: readonly string[]): string =>
  [read === undefined ? '' : `[${read}]`, ...texts].filter((part) => part !== '').join(' ');
