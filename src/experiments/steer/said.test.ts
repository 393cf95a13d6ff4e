import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import type { ReadyExperiment } from '../kind.ts';
import { steerKind } from './kind.ts';
import { readSteerResult, type SteerResult } from './result.ts';

let backend: Backend;
let model: Model;
let ready: ReadyExperiment;
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  const experiment = steerKind.read({
    kind: 'steer',
    version: 1,
    model: 'tiny',
    vectors: [{ name: 'v', from: { random: 1 } }],
    edits: [{ vector: 'v', layers: [1], strength: 3 }],
    prompts: [
      [1, 2, 3],
      [4, 5],
    ],
    generation: { maxNewTokens: 4, temperature: 1, seed: 2, samples: 2 },
    columns: ['unsteered', 'steered', 'random'],
  });
  ready = await steerKind.resolve(model.architecture, undefined, experiment);
});
afterAll(async () => {
  await model.dispose();
  expect(backend.liveTensors).toBe(0);
  await backend.close();
});

/** The result after each change, until `stop` says that it is enough; then the run is stopped there. */
async function grown(stop: (result: SteerResult) => boolean): Promise<readonly SteerResult[]> {
  const growth = steerKind.growth();
  const seen: SteerResult[] = [];
  for await (const update of ready.run(model)) {
    growth.take(structuredClone(update));
    if (growth.result) seen.push(growth.result);
    if (growth.result && stop(growth.result)) break;
  }
  return seen;
}

const whole = ({ column, sample, direction, tokens, text, logProbabilities }: SaidPart) => ({
  ...{ column, sample, direction, tokens, text, logProbabilities },
});
type SaidPart = NonNullable<SteerResult['said']>['texts'][number];

test('texts grow token by token, side by side, into what is measured of them at the end', async () => {
  const seen = await grown(() => false);
  const last = seen.at(-1);
  expect(last?.said).toBeNull();
  for (const prompt of [0, 1]) {
    const growing = seen.flatMap(({ said }) => (said?.prompt === prompt ? [said.texts] : []));
    const counts = growing.map((texts) => texts.map(({ tokens }) => tokens.length));
    expect(counts[0]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(counts[1]).toEqual([1, 1, 1, 1, 1, 1]);
    expect(growing.at(-1)?.map(whole)).toEqual(last?.texts[prompt]?.map(whole));
  }
});

test('a run that is stopped in the middle of a text keeps what was said, which counts as nothing', async () => {
  const seen = await grown(({ said }) => (said?.texts[0]?.tokens.length ?? 0) === 2);
  const stopped = seen.at(-1);
  if (!stopped) throw new Error('The run gave no result.');
  expect(stopped.said?.texts.map(({ tokens }) => tokens.length)).toEqual([2, 2, 2, 2, 2, 2]);
  expect(steerKind.count(stopped)).toEqual({ done: 1, total: 3 });
  expect(readSteerResult(JSON.parse(JSON.stringify(stopped)))).toEqual(stopped);
});
