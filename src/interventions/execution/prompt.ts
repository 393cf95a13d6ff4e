// A prompt of a call, as rows need it.

/** A prompt without its padding, and where its tokens stood. */
export interface Prompt {
  readonly tokens: readonly number[];
  /** The place of a position of the prompt as it was given, padding counted. @throws InterventionError in padding */
  readonly placeOf: (position: number) => number;
}
