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

const [a, b] = [{ name: 'a.png' }, { name: 'b.png' }];

test.each<[object, object, object]>([
  [{ target: 'd' }, { prompt: 'a c', target: 'd' }, { prompt: 'a b', target: 'd' }],
  [{ corruptedTarget: 'd' }, { prompt: 'a c', target: 'd' }, { prompt: 'a b' }],
  [
    { image: a, corruptedImage: b },
    { prompt: 'a c', image: b },
    { prompt: 'a b', image: a },
  ],
  [{ sound: a }, { prompt: 'a c', sound: a }, { prompt: 'a b', sound: a }],
])('a pair with %j stands there with what is read beside it', (beside, base, source) => {
  const found = opened({ clean: 'a b', corrupted: 'a c', ...beside });
  const plain = 'image' in source || 'sound' in source || 'target' in source ? source : 'a b';
  expect(found).toMatchObject({ ok: true, experiment: { base, sources: [plain] } });
});

test('a part of a picture in another is no run of the rack', () => {
  const found = opened({ clean: '', image: a, corruptedImage: b, exchanged: { patches: [0, 0, 1, 1] } });
  expect(!found.ok && found.why).toMatch(/^Its corrupted picture or sound is the other’s in a part/);
});
