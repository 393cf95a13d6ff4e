// Keys of experiments: those without bytes find what was stored by them, and pictures are told apart without their bytes.

import { expect, test } from 'vitest';
import { readFinetuneExperiment } from '../../experiments/finetune/experiment.ts';
import { readTensorsExperiment } from '../../experiments/tensors/experiment.ts';
import { readTraceExperiment } from '../../experiments/trace/experiment.ts';
import { experimentKey } from './key.ts';

test('without bytes a key is the text that it has always been: all that is stated, by its name', () => {
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    title: 'Where a fact is',
    model: 'a/b',
    revision: 'c',
    prompt: 'The Eiffel Tower is in',
    subject: 'Eiffel Tower',
  });
  expect(experimentKey(experiment)).toBe(
    '{"corruption":{"kind":"noise","level":{"standardDeviations":3},"samples":10,"seed":1},"direction":"restore","kind":"trace","model":"a/b","positions":"all","prompt":"The Eiffel Tower is in","subject":"Eiffel Tower","version":1}',
  );
});

const bytes = 'iVBORw0KGgoA'.repeat(3000);
const other = `${bytes.slice(0, -1)}B`;

const finetune = (data: string, name = 'cat.png') =>
  readFinetuneExperiment({
    kind: 'finetune',
    version: 1,
    model: 'a/b',
    data: [
      { prompt: { prompt: '', image: { name, data } }, continuation: 'cat' },
      { prompt: { prompt: '', image: { name: 'dog.png', data: bytes } }, continuation: 'dog' },
    ],
    adapters: [{ type: 'LoReFT', layers: [0], rank: 1 }],
  });

test('a key has a digest in place of a picture, and another where its bytes or its name are others', () => {
  const key = experimentKey(finetune(bytes));
  expect(key.length).toBeLessThan(1500);
  expect(experimentKey(finetune(['', bytes].join('')))).toBe(key);
  expect(experimentKey(finetune(other))).not.toBe(key);
  expect(experimentKey(finetune(bytes, 'copy.png'))).not.toBe(key);
});

test('the inputs of a model of tensors are told apart by their bytes, long and short', () => {
  const tensors = (given: object) =>
    experimentKey(
      readTensorsExperiment({
        kind: 'tensors',
        version: 1,
        model: 'a.onnx',
        clean: { x: given },
        corrupted: {},
        watched: { kind: 'squared' },
        sites: [{ site: 'chain' }],
      }),
    );
  const keys = [
    tensors({ picture: bytes }),
    tensors({ picture: other }),
    tensors({ base64: bytes, dtype: 'float32', shape: [9000] }),
    tensors({ base64: other, dtype: 'float32', shape: [9000] }),
    tensors({ base64: other, dtype: 'int32', shape: [9000] }),
    tensors({ base64: 'AAAAAA==', dtype: 'float32', shape: [1] }),
    tensors({ base64: 'AACAPw==', dtype: 'float32', shape: [1] }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) expect(key.length).toBeLessThan(500);
  expect(keys[5]).toContain('"AAAAAA=="');
});
