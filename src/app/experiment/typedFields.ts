// What is typed into fields as numbers and layers, judged while it is typed: each sentence belongs to the field whose name it is
// noted under.

/** Sentences by the name of their field. */
export type Problems = Map<string, string>;

/** Notes what is wrong with a field; null for nothing. The first sentence about a field stays. */
export type Note = (field: string, problem: string | null) => void;

export const noteIn =
  (problems: Problems): Note =>
  (field, problem) => {
    if (problem !== null && !problems.has(field)) problems.set(field, problem);
  };

/** `'data.prompt': a brace …` as a sentence of its own. */
export function plainSentence(message: string): string {
  const sentence = message.replace(/^'[^']*': /, '');
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

interface Bounds {
  readonly least: number;
  readonly greatest?: number;
  readonly isWhole?: boolean;
  /** Above `least`, not at it. */
  readonly isAbove?: boolean;
}

/** @returns the number, NaN for what is none; what is out of bounds is noted, and returned as it is */
export function numberIn(
  note: Note,
  field: string,
  text: string,
  { least, greatest = Number.POSITIVE_INFINITY, isWhole = false, isAbove = false }: Bounds,
): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const isRight =
    Number.isFinite(value) &&
    (isAbove ? value > least : value >= least) &&
    value <= greatest &&
    (!isWhole || Number.isInteger(value));
  if (!isRight) {
    const what = isWhole ? 'a whole number' : 'a number';
    const from = isAbove ? `above ${least}` : `from ${least}`;
    const to = Number.isFinite(greatest)
      ? isAbove
        ? ` and at most ${greatest}`
        : ` to ${greatest}`
      : isAbove
        ? ''
        : ' on';
    note(field, `Give ${what} ${from}${to}.`);
  }
  return value;
}

const mostLayersNamed = 1000;

/**
 * `all`, or layers and ranges of them.
 * @param layerCount null while the model is not known
 */
export function layersIn(
  text: string,
  layerCount: number | null,
  note: Note,
  field = 'layers',
): 'all' | readonly number[] {
  if (text.trim() === 'all') return 'all';
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const layers: number[] = [];
  for (const part of parts) {
    const [, from = '', to = from] = /^(\d+)(?:\s*[-–]\s*(\d+))?$/.exec(part) ?? [];
    if (from === '' || Number(to) < Number(from) || Number(to) - Number(from) > mostLayersNamed) {
      note(field, `“${part}” is no layer. Write all, or numbers and ranges such as 0, 2-5.`);
      return 'all';
    }
    for (let layer = Number(from); layer <= Number(to); layer++) layers.push(layer);
  }
  if (layers.length === 0) {
    note(field, 'Write all, or numbers and ranges such as 0, 2-5.');
    return 'all';
  }
  const beyond = layerCount === null ? undefined : layers.find((layer) => layer >= layerCount);
  if (beyond !== undefined && layerCount !== null)
    note(field, `There is no layer ${beyond}; this model has layers 0 to ${layerCount - 1}.`);
  const twice = layers.find((layer, at) => layers.indexOf(layer) !== at);
  if (twice !== undefined) note(field, `Layer ${twice} is named twice.`);
  return layers;
}
