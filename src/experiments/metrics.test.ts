import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { replace } from '../runtime/plan/plan.ts';
import { joinSamples, MetricError, measureLogits, metricOf, readSample, statisticOf } from './metrics.ts';

// Logits of seven tokens, and what PyTorch makes of them (test data worked out with torch.softmax, torch.logsumexp and
// torch.nn.functional.kl_div in float64, answer 2, distractor 5).
const clean = Float32Array.of(1, -2, 4, 0.5, 3, -1, 2);
const corrupted = Float32Array.of(2, 0, 1.5, -3, 2.5, 4, -0.5);

let backend: Backend;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint({ ...tinyConfigurations.gpt2, vocab_size: 7 }), backend);
});
afterAll(async () => {
  await model.dispose();
  await backend.close();
});

/** Put logits in the place of the model's own, and measure them. */
async function measure(logits: Float32Array, distractor?: number) {
  const site = { component: 'logits', layer: null };
  const location = { positions: [1] };
  const target = { answer: 2, ...(distractor === undefined ? {} : { distractor }) };
  const [result = {}] = await model.run({
    rows: [
      {
        start: { kind: 'tokens', tokens: [1, 2] },
        edits: [{ site, location, fragment: replace, source: { kind: 'tensor', data: logits } }],
      },
    ],
    reads: [{ row: 0, site, location, reduction: measureLogits(target, clean) }],
  });
  return readSample(result, distractor !== undefined);
}

test('a prediction is measured as PyTorch measures it', async () => {
  const samples = await measure(corrupted, 5);
  expect(samples.answerLogit).toEqual([1.5]);
  expect(samples.distractorLogit).toEqual([4]);
  expect(samples.rank).toEqual([4]);
  expect(samples.topIds).toEqual([[5, 4, 0, 2, 1]]);
  expect(samples.topLogits).toEqual([[4, 2.5, 2, 1.5, 0]]);
  expect(samples.logSumExp[0]).toBeCloseTo(4.385865593, 5);
  expect(samples.divergence[0]).toBeCloseTo(1.829370006, 5);
  expect(metricOf(samples, 'probability')[0]).toBeCloseTo(0.05580646296, 6);
  expect(metricOf(samples, 'logProbability')[0]).toBeCloseTo(-2.885865593, 5);
  expect(metricOf(samples, 'logitDifference')).toEqual([-2.5]);
});

test('the clean prediction does not diverge from itself', async () => {
  const samples = await measure(clean);
  expect(samples.divergence[0]).toBeLessThan(1e-6);
  expect(samples.rank).toEqual([1]);
});

test('a logit difference without a distractor is refused', async () => {
  const samples = await measure(clean);
  expect(() => metricOf(samples, 'logitDifference')).toThrow(MetricError);
});

test('joined samples keep their order', async () => {
  const both = joinSamples([await measure(clean, 5), await measure(corrupted, 5)]);
  expect(metricOf(both, 'logitDifference')).toEqual([5, -2.5]);
  expect(both.topIds.map(([best]) => best)).toEqual([2, 5]);
});

test('the standard deviation is the unbiased one, and one sample has none', () => {
  // statistics.stdev([2, 4, 4, 4, 5, 5, 7, 9])
  expect(statisticOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, sd: 2.138089935299395 });
  expect(statisticOf([3])).toEqual({ mean: 3, sd: null });
});
