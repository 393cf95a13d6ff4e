import { expect, test } from 'vitest';
import { InterventionError } from '../intervention.ts';
import { randomOrthonormal } from '../types/orthonormal.ts';
import { interventionType } from '../types/registry.ts';
import { type GivenParameter, readParameters } from './givenParameters.ts';

const lowRank = interventionType('LowRankRotatedSpaceIntervention', 'a test');
const read = (rotation: GivenParameter, isMended = false) =>
  readParameters(lowRank, { rotation }, isMended, 'representations.0').rotation;

test('a rotation that is not orthonormal is refused with how far it is off, or made so when that is asked for', () => {
  // WᵀW is [[1, 0.1], [0.1, 1.01]].
  const skewed = { data: Float32Array.of(1, 0.1, 0, 1, 0, 0), shape: [3, 2] };
  expect(() => read(skewed)).toThrow(InterventionError);
  expect(() => read(skewed)).toThrow(
    "representations.0: the parameter 'rotation' of the LowRankRotatedSpaceIntervention must have orthonormal columns, and WᵀW is off the identity by 0.10. Orthonormalise them, or set 'orthonormalize' beside 'parameters'.",
  );
  // The first column stays; of the second what is not along it.
  expect([...(read(skewed, true)?.data ?? [])]).toEqual([1, 0, 0, 1, 0, 0]);
  expect(() => read({ data: Float32Array.of(1, 2, 0, 0, 0, 0), shape: [3, 2] }, true)).toThrow(
    'its columns are not independent',
  );
  expect(() => read({ data: Float32Array.of(1, Number.NaN), shape: [2, 1] })).toThrow(
    'off the identity by Infinity',
  );
});

test('a large rotation is tried on random vectors', () => {
  const size = 700;
  const data = randomOrthonormal(size, size, 1);
  expect(read({ data, shape: [size, size] })?.data).toBe(data);
  const bent = data.slice();
  // One column in 700, longer by a fifth.
  for (let row = 0; row < size; row++) bent[row * size + 30] = 1.2 * (bent[row * size + 30] ?? 0);
  expect(() => read({ data: bent, shape: [size, size] })).toThrow('WᵀW is off the identity by');
});

test('tensors of ONNX Runtime are taken, and what is not a tensor is refused', () => {
  const given = { dims: [2, 1], data: [0, 1], type: 'float32' };
  expect(read(given)).toEqual({ shape: [2, 1], data: Float32Array.of(0, 1) });
  // What a type would refuse is what is tested.
  expect(() => read([[0], [1]] as unknown as GivenParameter)).toThrow('an object with');
  expect(() => read({ data: [0, 1], size: [2, 1] } as unknown as GivenParameter)).toThrow(
    "there is no 'size'.",
  );
});
