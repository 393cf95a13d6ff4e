// The directions that a trained intervention interchanges by more than half.

import { numbersOfText } from './numbersText.ts';
import type { AlignResult, SiteResult } from './result.ts';

export interface Basis {
  /** [width, rank] row-major, orthonormal. */
  readonly columns: Float32Array;
  readonly rank: number;
}

/** Some columns of a matrix [rows, of] row-major. */
function pick(matrix: Float32Array, of: number, wanted: readonly number[]): Basis {
  const rows = matrix.length / of;
  const columns = new Float32Array(rows * wanted.length);
  for (let row = 0; row < rows; row++)
    for (const [at, column] of wanted.entries())
      columns[row * wanted.length + at] = matrix[row * of + column] ?? 0;
  return { columns, rank: wanted.length };
}

function identity(width: number): Float32Array {
  const matrix = new Float32Array(width * width);
  for (let i = 0; i < width; i++) matrix[i * width + i] = 1;
  return matrix;
}

const firstOf = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at);

/**
 * The directions that are interchanged at a site, as it was handed over last.
 * @returns null before the first step, or where all of a boundary or mask is closed
 * @throws ExperimentError when the numbers are damaged
 */
export function learnedBasis(
  { experiment, width }: Pick<AlignResult, 'experiment' | 'width'>,
  { parameters, steps, final }: SiteResult,
): Basis | null {
  const { intervention } = experiment;
  const numbers = (name: string) => {
    const text = parameters[name];
    return text === undefined ? null : numbersOfText(text, name);
  };
  const rotation = numbers('rotation');
  const mask = numbers('mask');
  const open = [...(mask ?? [])].flatMap((x, at) => (x > 0 ? [at] : []));
  const some = (matrix: Float32Array | null, columns: number, wanted: readonly number[]) =>
    matrix === null || wanted.length === 0 ? null : pick(matrix, columns, wanted);
  switch (intervention.type) {
    case 'LowRankRotated':
      return some(rotation, intervention.rank, firstOf(intervention.rank));
    case 'Rotated':
      return some(rotation, width, firstOf(intervention.dimensions));
    case 'BoundlessRotated': {
      const share = final?.boundary?.share ?? steps.widthShare?.at(-1) ?? 0;
      const count = final?.boundary?.dimensions ?? Math.round(share * width);
      return some(rotation, width, firstOf(count));
    }
    case 'SigmoidMaskRotated':
      return some(rotation, width, open);
    case 'SigmoidMask':
      return some(mask === null ? null : identity(width), width, open);
    default:
      return intervention satisfies never;
  }
}

/** How much of a direction lies in a space, from 0 to 1: of one column the cosine without its sign. */
export function shareIn({ columns, rank }: Basis, direction: ArrayLike<number>): number {
  let sum = 0;
  for (let r = 0; r < rank; r++) {
    let along = 0;
    for (let i = 0; i < direction.length; i++) along += (columns[i * rank + r] ?? 0) * (direction[i] ?? 0);
    sum += along ** 2;
  }
  return Math.sqrt(sum);
}
