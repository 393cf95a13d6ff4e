// The orthogonal layer of pyvene's rotated interventions. PyTorch (`torch.nn.utils.parametrizations.orthogonal`) does not
// store the rotation W but two tensors that it computes W from:
//
//     square  W = base · exp(A), A = lower(X) − lower(X)ᵀ
//     tall    W = base · Q, Q = H₁ ··· Hᵣ (first r columns), column i times the whole part of X[i, i]
//
// with Hᵢ = I − 2 v vᵀ / (v · v), v = (0, ..., 0, 1, X[i+1.., i]). Sums are in float64, the results float32.

/** Angles of thousands of turns are not what training left; float32 no longer tells them apart. */
const largestNorm = 2 ** 16;

/** What the layer stores: X [rows, columns] and base [rows, rows], row-major. */
export interface OrthogonalLayer {
  readonly original: Float32Array;
  readonly base: Float32Array;
}

/**
 * The layer's weight W [rows, columns]; exact where X is −I, as it is before training.
 * A square layer that was trained takes some ten multiplications of [rows, rows] matrices.
 * @returns undefined where the numbers of X are too large, or not numbers, for an exponential that means something
 */
export function rotationOf(
  { original, base }: OrthogonalLayer,
  rows: number,
  columns: number,
): Float32Array | undefined {
  return rows === columns
    ? squareRotation(original, base, rows)
    : tallRotation(original, base, rows, columns);
}

/**
 * A layer whose weight is exactly W, in the state that a layer has before training: X = −I, and base = W with columns
 * that make it a whole basis.
 */
export function layerOf(rotation: Float32Array, rows: number, columns: number): OrthogonalLayer {
  const original = new Float32Array(rows * columns);
  for (let axis = 0; axis < columns; axis++) original[axis * columns + axis] = -1;
  return { original, base: rows === columns ? rotation.slice() : completed(rotation, rows, columns) };
}

function squareRotation(original: Float32Array, base: Float32Array, size: number): Float32Array | undefined {
  const generator = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < row; column++) {
      const value = original[row * size + column] ?? 0;
      generator[row * size + column] = value;
      generator[column * size + row] = -value;
    }
  }
  if (generator.every((value) => value === 0)) return base.slice();
  const norm = rowNorm(generator, size);
  if (!(norm <= largestNorm)) return undefined;
  const power = exponential(generator, size, Math.max(0, Math.ceil(Math.log2(norm))));
  return Float32Array.from(product(Float64Array.from(base), power, size));
}

/** The largest sum of a row's absolute values. */
function rowNorm(matrix: Float64Array, size: number): number {
  let norm = 0;
  for (let row = 0; row < size; row++) {
    let sum = 0;
    for (let column = 0; column < size; column++) sum += Math.abs(matrix[row * size + column] ?? 0);
    // Math.max keeps a NaN.
    norm = Math.max(norm, sum);
  }
  return norm;
}

/** exp(A) by its Taylor polynomial of degree 16 at A / 2ˢ, whose norm is to be at most 1, squared s times. */
function exponential(matrix: Float64Array, size: number, squarings: number): Float64Array {
  const one = matrix.map((value) => value / 2 ** squarings);
  const two = product(one, one, size);
  const three = product(two, one, size);
  const four = product(two, two, size);
  const factorial = Array.from({ length: 17 }, () => 1);
  for (let n = 1; n <= 16; n++) factorial[n] = n * (factorial[n - 1] ?? 1);
  const coefficient = (n: number): number => 1 / (factorial[n] ?? 1);
  // c₀ + c₁A + c₂A² + c₃A³ + A⁴ (c₄ + ... ), from the innermost bracket outwards.
  let sum = diagonal(coefficient(16), size);
  for (let from = 12; from >= 0; from -= 4) {
    const next = product(four, sum, size);
    for (let at = 0; at < next.length; at++) {
      next[at] =
        (next[at] ?? 0) +
        coefficient(from + 1) * (one[at] ?? 0) +
        coefficient(from + 2) * (two[at] ?? 0) +
        coefficient(from + 3) * (three[at] ?? 0);
    }
    for (let axis = 0; axis < size; axis++) {
      const at = axis * size + axis;
      next[at] = (next[at] ?? 0) + coefficient(from);
    }
    sum = next;
  }
  for (let squaring = 0; squaring < squarings; squaring++) sum = product(sum, sum, size);
  return sum;
}

function diagonal(value: number, size: number): Float64Array {
  const matrix = new Float64Array(size * size);
  for (let axis = 0; axis < size; axis++) matrix[axis * size + axis] = value;
  return matrix;
}

/** Four rows of `right` at a time: most of the time goes to reading and writing the result. */
function product(left: Float64Array, right: Float64Array, size: number): Float64Array {
  const result = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const into = result.subarray(row * size, (row + 1) * size);
    const factor = (inner: number): number => (inner < size ? (left[row * size + inner] ?? 0) : 0);
    for (let inner = 0; inner < size; inner += 4) {
      const [a, b, c, d] = [factor(inner), factor(inner + 1), factor(inner + 2), factor(inner + 3)];
      const rows = right.subarray(inner * size, (inner + 4) * size);
      for (let column = 0; column < size; column++) {
        into[column] =
          (into[column] ?? 0) +
          a * (rows[column] ?? 0) +
          b * (rows[column + size] ?? 0) +
          c * (rows[column + 2 * size] ?? 0) +
          d * (rows[column + 3 * size] ?? 0);
      }
    }
  }
  return result;
}

function tallRotation(
  original: Float32Array,
  base: Float32Array,
  rows: number,
  columns: number,
): Float32Array {
  const rotation = new Float32Array(rows * columns);
  for (let column = 0; column < columns; column++) {
    // PyTorch casts the diagonal to int, so −0.9999 (weight decay does that) makes a column of zeros there as well.
    const sign = Math.trunc(original[column * columns + column] ?? 0);
    const vector = new Float64Array(rows);
    vector[column] = sign;
    for (let axis = columns - 1; axis >= 0; axis--) {
      const entry = (row: number): number => (row === axis ? 1 : (original[row * columns + axis] ?? 0));
      reflect(vector, entry, axis);
    }
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let inner = 0; inner < rows; inner++)
        sum += (base[row * rows + inner] ?? 0) * (vector[inner] ?? 0);
      rotation[row * columns + column] = sum;
    }
  }
  return rotation;
}

/** x − 2 v (v · x) / (v · v), in place; v is 0 before `from`. */
function reflect(x: Float64Array, v: (row: number) => number, from: number): void {
  let dot = 0;
  let square = 0;
  for (let row = from; row < x.length; row++) {
    const entry = v(row);
    dot += entry * (x[row] ?? 0);
    square += entry * entry;
  }
  if (dot === 0) return;
  const factor = (2 * dot) / square;
  for (let row = from; row < x.length; row++) x[row] = (x[row] ?? 0) - factor * v(row);
}

/** [W | the rest of an orthonormal basis]: the reflections that bring W to a triangle, applied to the unit vectors. */
function completed(rotation: Float32Array, rows: number, columns: number): Float32Array {
  const mirrors: Float64Array[] = [];
  for (let column = 0; column < columns; column++) {
    const vector = new Float64Array(rows);
    for (let row = 0; row < rows; row++) vector[row] = rotation[row * columns + column] ?? 0;
    for (const [from, mirror] of mirrors.entries()) reflect(vector, (row) => mirror[row] ?? 0, from);
    vector.fill(0, 0, column);
    const head = vector[column] ?? 0;
    vector[column] =
      head + (head < 0 ? -1 : 1) * Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    mirrors.push(vector);
  }
  const base = new Float32Array(rows * rows);
  for (let column = 0; column < rows; column++) {
    const vector = new Float64Array(rows);
    vector[column] = 1;
    if (column >= columns) {
      for (let from = columns - 1; from >= 0; from--)
        reflect(vector, (row) => mirrors[from]?.[row] ?? 0, from);
    }
    for (let row = 0; row < rows; row++) {
      const exact = column < columns ? rotation[row * columns + column] : vector[row];
      base[row * rows + column] = exact ?? 0;
    }
  }
  return base;
}
