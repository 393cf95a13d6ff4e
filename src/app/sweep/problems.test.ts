// The library's own sentences, each with the field that it belongs to: the experiment is resolved for a model, as the engine
// does it, and what is thrown is what the page is told.

import { expect, test } from 'vitest';
import { architectureOf } from '../../architectures/registry.ts';
import { patchKind, pathKind } from '../../experiments/patch/kind.ts';
import { resolvePatch } from '../../experiments/patch/resolve.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import type { SweepExperiment } from './document.ts';
import { fieldOf } from './problems.ts';

const architecture = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));
const pair = { clean: [1, 2, 3], corrupted: [1, 4, 3], answer: 5, distractor: 6 };
const other = { clean: [1, 2], corrupted: [1, 4], answer: 5, distractor: 6 };

const patch = (own: object) =>
  patchKind.read({ kind: 'patch', version: 1, model: 'tiny', pairs: [pair], ...own });
const path = (own: object) =>
  pathKind.read({ kind: 'path', version: 1, model: 'tiny', pairs: [pair], ...own });

/** The field of what is wrong with an experiment under this model. */
function fieldOfWrong(experiment: ReturnType<typeof patch> | ReturnType<typeof path>): string | null {
  try {
    resolvePatch(architecture, undefined, experiment);
  } catch (cause) {
    if (cause instanceof Error) return fieldOf(cause.message, experiment);
  }
  throw new Error('Nothing is wrong with it.');
}

const sweep = (own: object) =>
  patch({ sweeps: [{ component: 'block_output' }, { component: 'mlp_output', ...own }] });

test.each([
  ['sweeps.1.window', sweep({ window: 99 })],
  ['sweeps.1.component', sweep({ component: 'mpl_output' })],
  ['sweeps.1.component', sweep({ component: 'logits' })],
  ['sweeps.1.component', sweep({ component: 'mlp_out' })],
  ['sweeps.1.by', sweep({ by: 'head' })],
  ['sweeps.1.heads', sweep({ component: 'head_value_output', heads: [77] })],
  ['sweeps.1.positions', sweep({ positions: [40] })],
  ['pairs.0.corrupted', patch({ pairs: [{ ...pair, corrupted: [1, 4] }] })],
  ['pairs.1.corrupted', patch({ pairs: [pair, { ...pair, corrupted: [1, 2, 3] }] })],
  ['pairs.1.corrupted', patch({ pairs: [pair, { clean: [1, 2, 3], answer: 5, distractor: 6 }] })],
  ['pairs.0.distractor', patch({ pairs: [{ ...pair, distractor: 5 }] })],
  ['pairs.1.distractor', patch({ pairs: [pair, { clean: [1, 2, 3], corrupted: [1, 4, 3], answer: 5 }] })],
  ['pairs.0.answer', patch({ pairs: [{ ...pair, answer: 999_999 }] })],
  ['pairs.0.clean', patch({ pairs: [{ ...pair, clean: [] }] })],
  ['receivers.1.heads', path({ receivers: [{ component: 'logits' }, { component: 'head_key_output' }] })],
  ['receivers.0.heads', path({ receivers: [{ component: 'head_key_output', heads: [[0, 0]] }] })],
  ['receivers.0.component', path({ receivers: [{ component: 'mlp_output' }] })],
  ['senders', path({ senders: [[99, 0]] })],
] as const)('a sentence about %s stands there', (field, experiment) => {
  expect(fieldOfWrong(experiment)).toBe(field);
});

const ablated = (ablation: object, pairs = [{ clean: [1, 2, 3], answer: 5 }]) => patch({ pairs, ablation });

test('sentences about an ablation stand at its prompts and its draws', () => {
  expect(fieldOfWrong(ablated({ kind: 'resample', prompts: [[1, 2]] }))).toBe('ablation.prompts');
  expect(fieldOfWrong(ablated({ kind: 'resample', prompts: [[1, 2, 4]], samples: 3 }))).toBe(
    'ablation.samples',
  );
});

test('a sentence about the whole, or about a pair that it does not number, stands beside the button', () => {
  const two: SweepExperiment = patch({ pairs: [pair, other] });
  expect(fieldOf('The prompt has 99 tokens, but this model has 32 positions. Shorten it.', two)).toBeNull();
  expect(fieldOf('The GPU device was lost.', two)).toBeNull();
});
