// Numbers as people type them into a field: one, a list, ranges. What is half typed is neither lost nor taken for a number.

/** `1,000` is a thousand to one and one to another. */
const isThousand = (text: string): boolean => /^[-+\u2212]?[1-9]\d{0,2}(?:,\d{3})+$/.test(text);

/** With a point or a comma. @returns NaN for what is no plain decimal number, or beyond all that are */
export const numberIn = (text: string): number => {
  const given = text.trim();
  if (isThousand(given)) return Number.NaN;
  const plain = given.replace(',', '.').replace('\u2212', '-');
  const value = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(plain) ? Number(plain) : Number.NaN;
  return Number.isFinite(value) ? value : Number.NaN;
};

/** @returns NaN for what is no whole number from 0 on */
export const wholeIn = (text: string): number => (/^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN);

/** No model has more layers, no prompt is longer. */
const mostNumbers = 100_000;

/**
 * Whole numbers and ranges: `3-6, 9` is 3, 4, 5, 6, 9. Each once, in order.
 * @returns null for what cannot be read, an empty list for an empty field
 */
export function wholeNumbersIn(text: string): readonly number[] | null {
  const numbers = new Set<number>();
  const parts = text.replace(/\s*[-–]\s*/g, '-').split(/[,;\s]+/);
  for (const part of parts.filter((each) => each !== '')) {
    const found = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!found) return null;
    const first = Number(found[1]);
    const last = Number(found[2] ?? found[1]);
    if (last < first || last - first > mostNumbers) return null;
    for (let each = first; each <= last; each++) numbers.add(each);
  }
  return [...numbers].toSorted((a, b) => a - b);
}

/** Whole numbers of either sign, without ranges: `-1, -2`. @returns null for what cannot be read */
export function positionsIn(text: string): readonly number[] | null {
  const parts = text.split(/[,;\s]+/).filter((each) => each !== '');
  return parts.every((part) => /^[-\u2212]?\d+$/.test(part))
    ? parts.map((part) => Number(part.replace('\u2212', '-')))
    : null;
}

/**
 * What of a list of decimal numbers can be read in two ways: `0,5` is one number or two. Where a semicolon parts numbers a comma
 * is a decimal one; where a point stands in the list, or a space after the comma, it parts numbers.
 */
export function unclearNumber(text: string): string | null {
  if (/[;.]/.test(text)) return null;
  return /[-+\u2212]?\d+,\d+/.exec(text)?.[0] ?? null;
}

/** Numbers of either sign with decimals: `-1, 0.5`, or `-1; 0,5`. @returns null for what cannot be read, or in two ways */
export function numbersIn(text: string): readonly number[] | null {
  if (unclearNumber(text) !== null) return null;
  const parts = text.split(text.includes(';') ? /[;\s]+/ : /[,\s]+/).filter((each) => each !== '');
  const numbers = parts.map(numberIn);
  return numbers.some(Number.isNaN) ? null : numbers;
}

/** `3-6, 9` of 3, 4, 5, 6, 9. */
export function rangesText(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}
