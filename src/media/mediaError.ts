/** A picture or a sound cannot be read, or does not fit the model. The message names the file, the problem and the remedy. */
export class MediaError extends Error {
  override readonly name = 'MediaError';
}
