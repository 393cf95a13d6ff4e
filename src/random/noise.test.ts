import { expect, test } from 'vitest';
import { logarithm } from './logarithm.ts';
import { gaussianNoise, SeedError, standardNormal, standardUniform } from './noise.ts';

// numpy.random.RandomState(seed).randn(1400): places 0 to 4, 623, 624 and 1399 (a second and third filling of the state).
const drawn = [
  [
    1,
    [1.6243453636632417, -0.6117564136500754, -0.5281717522634557, -1.0729686221561705, 0.8654076293246785],
    [-0.03966870009048212, 0.8858257989659072, -0.23148483037082923],
  ],
  [
    0,
    [1.764052345967664, 0.4001572083672233, 0.9787379841057392, 2.240893199201458, 1.8675579901499675],
    [-0.30224973045507003, -0.37514711666128386, -0.4213275873246805],
  ],
  [
    4294967295,
    [0.6484086742306527, 0.6693235306338161, -1.0805437227474493, 0.2845010447986309, 0.11388773652167104],
    [-1.1411635092724524, 0.695688558057472, 0.767220081025678],
  ],
] as const;

test.each(drawn)("seed %d gives NumPy's numbers, bit for bit", (seed, first, later) => {
  const numbers = standardNormal(seed, 1400);
  expect([...numbers.slice(0, 5)]).toEqual(first);
  expect([numbers[623], numbers[624], numbers[1399]]).toEqual(later);
});

test('an odd count drops the second number of the last pair', () => {
  expect([...standardNormal(1, 3)]).toEqual([...standardNormal(1, 4)].slice(0, 3));
});

test('noise is multiplied in float32, as torch multiplies a tensor by a number', () => {
  // (torch.from_numpy(numpy.random.RandomState(1).randn(3)).float() * 0.397744357585907).tolist()
  expect([...gaussianNoise(1, 3, 0.397744357585907)]).toEqual([
    0.6460742354393005, -0.24332265555858612, -0.21007734537124634,
  ]);
});

test('a seed must be a whole number of 32 bits', () => {
  for (const seed of [-1, 0.5, 2 ** 32, Number.NaN]) expect(() => standardNormal(seed, 1)).toThrow(SeedError);
});

test('the logarithm is rounded correctly', () => {
  // Python's math.log, where JavaScript engines were seen to differ or the argument is extreme.
  const known = [
    [0.3, -1.2039728043259361],
    [1, 0],
    [0.9999999999999999, -1.1102230246251565e-16],
    [1e-300, -690.7755278982137],
    [0.9, -0.10536051565782628],
    [0.7071067811865475, -0.34657359027997275],
  ] as const;
  for (const [x, log] of known) expect(logarithm(x)).toBe(log);
});

test("uniform numbers are NumPy's", () => {
  // numpy.random.RandomState(1).random_sample(5)
  expect([...standardUniform(1, 5)]).toEqual([
    0.417022004702574, 0.7203244934421581, 0.00011437481734488664, 0.30233257263183977, 0.14675589081711304,
  ]);
  expect(() => standardUniform(-1, 1)).toThrow(SeedError);
});
