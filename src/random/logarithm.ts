// The natural logarithm, rounded as nearly always correctly as a C library rounds it. JavaScript's own is allowed to be a
// unit in the last place off, and in one engine it is so for one number of fourteen: too many where the numbers of a
// published experiment are to be drawn again.
//
// Pairs of numbers stand for their unrounded sum (Dekker 1971, "A floating-point technique for extending the available
// precision"): what an operation lost in rounding is kept beside its result.

const splitter = 2 ** 27 + 1;

/** `a` as a sum of two numbers of 26 bits, whose products are exact. */
function halves(a: number): readonly [number, number] {
  const scaled = splitter * a;
  const high = scaled - (scaled - a);
  return [high, a - high];
}

/** a b - product, exactly, where `product` is a b rounded. */
function productError(a: number, b: number, product: number): number {
  const [aHigh, aLow] = halves(a);
  const [bHigh, bLow] = halves(b);
  return aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow;
}

/** a + b - sum, exactly, where `sum` is a + b rounded. */
function sumError(a: number, b: number, sum: number): number {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}

/** log 2 - Math.LN2 */
const ln2Rest = 2.3190468138462996e-17;
const third = 1 / 3;
/** 1/3 - third */
const thirdRest = third * 2 ** -54;

/**
 * log x to about 59 bits, then rounded: with x = m 2^e and f = (m - 1) / (m + 1),
 *
 *     log x = e log 2 + 2 f (1 + f²/3 + f⁴/5 + ...)
 *
 * @param x in (0, 1], not subnormal
 */
export function logarithm(x: number): number {
  let exponent = 0;
  let m = x;
  while (m < Math.SQRT1_2) {
    m *= 2;
    exponent -= 1;
  }
  const below = m - 1;
  const above = m + 1;
  const f = below / above;
  const back = f * above;
  const fRest = (below - back - productError(f, above, back) - f * sumError(m, 1, above)) / above;
  const square = f * f;
  const squareRest = productError(f, f, square) + 2 * f * fRest;
  let tail = 0; // f²/5 + f⁴/7 + ..., small enough for plain arithmetic
  for (let k = 31; k >= 5; k -= 2) tail = (tail + 1 / k) * square;
  const bend = square * third;
  const bendRest = productError(square, third, bend) + square * (thirdRest + tail) + squareRest * third;
  const curve = f * bend;
  const curveRest = productError(f, bend, curve) + f * bendRest + fRest * bend;
  const mantissa = 2 * f + 2 * curve;
  const mantissaRest = sumError(2 * f, 2 * curve, mantissa) + 2 * (fRest + curveRest);
  const power = exponent * Math.LN2;
  const powerRest = productError(exponent, Math.LN2, power) + exponent * ln2Rest;
  const whole = power + mantissa;
  return whole + (sumError(power, mantissa, whole) + powerRest + mantissaRest);
}
