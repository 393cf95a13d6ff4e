// What a sweep says that it will hold on the device, against the bytes of tensors that were there at once.

import { expect, test } from 'vitest';
import { describeArchitecture } from '../architectures/registry.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { handedNumbers } from './heldNumbers.ts';
import { promptRow, readPrediction } from './planRuns.ts';
import { kindOf } from './registry.ts';

const mamba = { model_type: 'mamba', hidden_size: 32, num_hidden_layers: 3, state_size: 32, vocab_size: 31 };
const mamba2 = {
  ...mamba,
  model_type: 'mamba2',
  num_heads: 4,
  head_dim: 16,
  n_groups: 1,
};
const length = 24;
const tokens = Array.from({ length }, (_, position) => (7 * position + 3) % 31);
const corrupted = tokens.map((token, position) => (position === 2 ? token + 1 : token));

const experiments = {
  trace: (component: string, direction: string) => ({
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt: tokens,
    subject: [2, 4],
    corruption: { kind: 'noise', level: 0.8, samples: 2 },
    direction,
    streams: [{ component, window: 1 }],
  }),
  patch: (component: string, direction: string) => ({
    kind: 'patch',
    version: 1,
    model: 'tiny',
    pairs: [{ clean: tokens, corrupted, answer: 5 }],
    direction,
    sweeps: [{ component }],
  }),
};

test.each(
  (['trace', 'patch'] as const).flatMap((kind) =>
    [mamba, mamba2].flatMap((config) =>
      ['ssm_state', 'block_output'].flatMap((component) =>
        (['restore', 'corrupt'] as const).map((direction) => ({
          ...{ kind, config, component, direction, of: config.model_type },
        })),
      ),
    ),
  ),
)(
  'a $kind of $component of $of that is to $direction holds about as many bytes as its estimate says',
  async ({ kind, config, component, direction }) => {
    const backend = createNodeBackend(1);
    const model = await Model.load(tinyCheckpoint(config), backend);
    await model.run({ rows: [promptRow(tokens)], reads: [readPrediction(0, length)] });
    const weights = backend.liveBytes;
    const found = await kindOf(kind);
    const experiment = found.read(experiments[kind](component, direction));
    const ready = await found.resolve(model.architecture, undefined, experiment);
    const { bytes } = ready.estimate();
    const growth = found.growth();
    for await (const update of ready.run(model)) growth.take(update);
    const held = backend.peakBytes - weights;
    await model.dispose();
    await backend.close();
    expect(bytes / held).toBeGreaterThan(0.5);
    expect(bytes / held).toBeLessThan(2);
  },
);

test('states that are handed on are counted once for a position of a parent, and never more than the engine hands on', () => {
  const architecture = describeArchitecture(mamba, new Set());
  // The state of 64 channels and 32 numbers each, and the three entries before that a convolution of four sees.
  const each = 64 * 32 + 64 * 3;
  expect(handedNumbers(architecture, [[0, 1, 1, 5], [5]])).toBe(3 * each);
  const long = Array.from({ length: 200_000 }, (_, position) => position);
  // Four batches of 256 MiB of float32, on a host.
  expect(handedNumbers(architecture, [long])).toBe(4 * 2 ** 26);
});
