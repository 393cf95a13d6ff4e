// The texts of a result as they are shown side by side: tokens with their text and numbers, where two part, and what is said
// of a whole text. Pure: a text that is still growing is shown by the same functions.

import type { SteerColumn } from '../../experiments/steer/experiment.ts';
import type { EditResult, SteerResult, SteerText, VectorSite } from '../../experiments/steer/result.ts';

export interface ShownToken {
  readonly id: number;
  readonly text: string;
}

/** Ids with their texts; an id that the result does not name is shown as such. */
export const shownTokens = (
  { tokenTexts }: Pick<SteerResult, 'tokenTexts'>,
  ids: readonly number[],
): readonly ShownToken[] => ids.map((id) => ({ id, text: tokenTexts[id] ?? `#${id}` }));

/** How improbable a token is under the unsteered model, 0 to 1: 1 from a probability of 1 in 3,000 on. */
export function surpriseOf(logProbability: number | null | undefined): number {
  if (logProbability === null || logProbability === undefined) return 0;
  return Math.min(1, Math.max(0, -logProbability / 8));
}

const mean = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
};

export interface TextMeasures {
  /** Under the unsteered model: e to the mean surprise of a token. */
  readonly perplexity: number | null;
  /** Mean over the new tokens, in nats. */
  readonly divergence: number | null;
  readonly repetition: number | null;
  /** In nats: what the words gain against the unsteered text. */
  readonly effect: number | null;
}

export function measuresOf(text: SteerText): TextMeasures {
  const surprise = mean(text.logProbabilities);
  return {
    perplexity: surprise === null ? null : Math.exp(-surprise),
    divergence: mean(text.divergences),
    repetition: text.repetition,
    effect: text.effect,
  };
}

export const endWords: Readonly<Record<SteerText['end'], string | null>> = {
  eos: 'Ended by the model.',
  stop: 'Ended by a stop string.',
  length: null,
  context: 'The context is full: the model has no positions left.',
  notFinite: 'The numbers overflowed at the next token. The edit is too strong: lower its strength.',
  noToken: 'No token was left to choose from. Loosen the sampling.',
};

/** Sentences that are whole since `from`, for a screen reader; what is still being written waits. */
export function sentencesSince(
  text: string,
  from: number,
  isOver: boolean,
): { readonly said: string; readonly upTo: number } {
  const rest = text.slice(from);
  if (isOver) return { said: rest.trim(), upTo: text.length };
  const ends = [...rest.matchAll(/[.!?…。！？]["”’)]*(?=\s)|\n/gu)];
  const last = ends.at(-1);
  if (!last) return { said: '', upTo: from };
  const length = last.index + last[0].length;
  return { said: rest.slice(0, length).trim(), upTo: from + length };
}

/** What a token's tip and a screen reader say of it. */
export function spokenPlace(step: number, parts: number | null): string {
  return `new token ${step + 1}${parts === step ? ', here the text parts from the unsteered one' : ''}`;
}

/** A text as it is shown, whether it is whole, growing, or broken off. */
export interface Said {
  readonly column: SteerColumn;
  readonly sample: number;
  readonly direction: number | null;
  readonly tokens: readonly number[];
  readonly text: string;
  readonly logProbabilities: readonly (number | null)[];
  readonly parts: number | null;
  /** All that was measured, once the text is whole. */
  readonly whole: SteerText | null;
}

/** The first place where two texts that may still grow have another token; null as long as there is none. */
export function partingOf(a: readonly number[], b: readonly number[]): number | null {
  const at = a.findIndex((id, place) => place < b.length && id !== b[place]);
  return at < 0 ? null : at;
}

/** The texts of a prompt and sample, in the order of the columns; null where nothing has come. */
export function saidOf(
  { texts, said, experiment }: Pick<SteerResult, 'texts' | 'said' | 'experiment'>,
  prompt: number,
  sample: number,
): readonly Said[] | null {
  const ordered = <T extends Pick<Said, 'column' | 'sample'>>(all: readonly T[]): readonly T[] =>
    experiment.columns.flatMap((column) =>
      all.filter((text) => text.column === column && text.sample === sample),
    );
  const whole = texts[prompt];
  if (whole) return ordered(whole).map((text) => ({ ...text, whole: text }));
  if (said?.prompt !== prompt) return null;
  const growing = ordered(said.texts);
  const plain = growing.find(({ column }) => column === 'unsteered');
  return growing.map((text) => ({
    ...text,
    parts: plain ? partingOf(text.tokens, plain.tokens) : null,
    whole: null,
  }));
}

export interface PointedToken {
  /** Place of its text among those of a prompt and sample. */
  readonly column: number;
  readonly step: number;
}

/**
 * The token whose numbers are shown: the one that is pointed at, while its text has it; else where the steered text parts from
 * the unsteered one. Null where no text has a token.
 */
export function pointedToken(
  texts: readonly Pick<Said, 'column' | 'tokens' | 'parts'>[],
  wanted: PointedToken | null,
): PointedToken | null {
  const has = ({ column, step }: PointedToken) => step < (texts[column]?.tokens.length ?? 0);
  if (wanted !== null && has(wanted)) return wanted;
  const column = texts.findIndex((text) => text.column === 'steered');
  const steered = { column, step: texts[column]?.parts ?? 0 };
  if (has(steered)) return steered;
  const first = texts.findIndex(({ tokens }) => tokens.length > 0);
  return first < 0 ? null : { column: first, step: 0 };
}

/** How much the states' projections on a vector spread at the last site of an edit, where its projection is read. */
export function spreadAt(
  vectors: readonly {
    readonly name: string;
    readonly sites: readonly Pick<VectorSite, 'layer' | 'head' | 'spread'>[];
  }[],
  name: string,
  last: Pick<EditResult['sites'][number], 'layer' | 'head'> | undefined,
): number | null {
  const sites = vectors.find((vector) => vector.name === name)?.sites;
  return sites?.find(({ layer, head }) => layer === last?.layer && head === last?.head)?.spread ?? null;
}
