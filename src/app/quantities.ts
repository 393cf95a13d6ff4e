// Numbers as a person reads them, each with its unit. One locale, so that a screenshot reads the same everywhere.
// A number and its unit are joined by a narrow no-break space.

const gap = '\u202f';

const counts = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

function scaled(value: number, units: readonly string[]): string {
  let scale = value;
  let unit = 0;
  // 999.5 would be written 1,000; the next unit writes it 1.
  while (scale >= 999.5 && unit < units.length - 1) {
    scale /= 1000;
    unit += 1;
  }
  const suffix = units[unit] ?? '';
  return suffix === '' ? threeDigits.format(scale) : `${threeDigits.format(scale)}${gap}${suffix}`;
}

/** `8,192` */
export const formatCount = (count: number): string => counts.format(count);

/** `8 sites`, `1 site`: of a single word the last letter goes. */
export const formatCounted = (count: number, words: string): string =>
  `${formatCount(count)} ${count === 1 && /^\p{L}+s$/u.test(words) ? words.slice(0, -1) : words}`;

/** `12 layers`; of a model brought as ONNX there may be none that repeat. */
export const formatLayers = (count: number): string =>
  count === 0 ? 'no repeated layers' : formatCounted(count, 'layers');

/** `135 M` */
export const formatParameters = (count: number): string => scaled(count, ['', 'k', 'M', 'B', 'T']);

/** `271 MB`, in powers of a thousand as downloads are usually counted */
export const formatBytes = (bytes: number): string => scaled(bytes, ['B', 'kB', 'MB', 'GB', 'TB']);

/** A probability in [0, 1] as `70.21 %`: two decimals, so that a column of them aligns on the point. */
export function formatPercent(probability: number): string {
  const percent = probability * 100;
  return percent > 0 && percent < 0.005 ? `<${gap}0.01${gap}%` : `${percent.toFixed(2)}${gap}%`;
}

/** A probability as `70 %`, where space is short. */
export function formatRoundPercent(probability: number): string {
  const percent = probability * 100;
  return percent > 0 && percent < 0.5 ? `<${gap}1${gap}%` : `${percent.toFixed(0)}${gap}%`;
}

/** `18.34`, with a true minus sign */
export const formatLogit = (logit: number): string => logit.toFixed(2).replace('-', '\u2212');

/** `42 ms`, `1.24 s` */
export const formatDuration = (ms: number): string =>
  ms < 999.5 ? `${threeDigits.format(ms)}${gap}ms` : `${threeDigits.format(ms / 1000)}${gap}s`;

const dates = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });

/** `24 November 2025`, from milliseconds since 1970 */
export const formatDate = (ms: number): string => dates.format(ms);
