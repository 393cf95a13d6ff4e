import { expect, test } from 'vitest';
import { patchKind } from '../../experiments/patch/kind.ts';
import { rackOf } from './rackOf.ts';

const opened = (pair: object) =>
  rackOf(patchKind.read({ kind: 'patch', version: 1, model: 'tiny', pairs: [pair] }));

test('a pair of texts stands on the rack, the clean one as the source', () => {
  expect(opened({ clean: 'a b', corrupted: 'a c', answer: ' d' })).toEqual({
    ok: true,
    experiment: {
      ...{ kind: 'intervene', version: 1, model: 'tiny' },
      ...{ base: 'a c', sources: ['a b'], answer: ' d' },
    },
  });
});

test.each([
  { target: 'd' },
  { corruptedTarget: 'd' },
  { image: { name: 'a.png' } },
  { corruptedImage: { name: 'a.png' } },
  { sound: { name: 'a.wav' } },
  { corruptedSound: { name: 'a.wav' } },
])('a pair with %j is not opened without it', (beside) => {
  const found = opened({ clean: 'a b', corrupted: 'a c', ...beside });
  expect(!found.ok && found.why).toMatch(/^The rack has fields for text alone/);
});
