// Sweeps of a model whose layers are computed in float16, imitated on the processor: what the result says of it, against the
// same sweeps in float32.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { halfOnNode } from '../runtime/fixtures/halfOnNode.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { experimentsOfKinds } from './fixtures/experimentsOfKinds.ts';
import type { AnyResult, ReadyExperiment, RunOptions } from './kind.ts';
import { metrics, type Samples } from './metrics.ts';
import { largestDeviation } from './precision.ts';
import { kindNames, kindOf, readExperiment, readResult } from './registry.ts';

let backend: Backend;
let half: Model;
let full: Model;
beforeAll(async () => {
  backend = halfOnNode(createNodeBackend(1));
  half = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend, { precision: 'float16' });
  full = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
});
afterAll(async () => {
  await half.dispose();
  await full.dispose();
  expect(backend.liveTensors).toBe(0);
  await backend.close();
});

const readyFor = async (name: string): Promise<ReadyExperiment> =>
  (await kindOf(name)).resolve(full.architecture, undefined, await readExperiment(experimentsOfKinds[name]));

async function run(name: string, model: Model, options: RunOptions = {}): Promise<AnyResult> {
  const ready = await readyFor(name);
  const growth = (await kindOf(name)).growth();
  for await (const update of ready.run(model, options)) growth.take(structuredClone(update));
  if (!growth.result) throw new Error('The run gave no result.');
  return growth.result;
}

/** As a file or a link has it. */
const written = (result: AnyResult): Promise<AnyResult> => readResult(JSON.parse(JSON.stringify(result)));

/** Every measurement of a result, wherever it stands, in order. */
function measurements(value: unknown): readonly Samples[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('answerLogit' in value) return [value as Samples]; // As every result has them: its schema has read it.
  return Object.values(value).flatMap(measurements);
}

describe.each(['trace', 'patch', 'path'])('%s', (name) => {
  let inHalf: AnyResult;
  let inFull: AnyResult;
  beforeAll(async () => {
    inHalf = await run(name, half);
    inFull = await run(name, full);
  });

  test('the result says that it is of float16, how many cells were compared, and how far they are; one of float32 says nothing', async () => {
    expect(inFull.precision).toBeUndefined();
    expect(inHalf.precision?.dtype).toBe('float16');
    // What reads it knows it by its version, so that nobody takes it for float32.
    expect([inHalf, inFull].map(({ version }) => version)).toEqual(name === 'trace' ? [5, 1] : [4, 1]);
    const { cells = 0, largest } = inHalf.precision?.deviation ?? {};
    expect(cells).toBeGreaterThan(0);
    expect(cells).toBeLessThanOrEqual((await kindOf(name)).count(inHalf).total);
    expect(largest?.answerLogit).toBeGreaterThan(1e-6);
    expect(largest?.answerLogit).toBeLessThan(0.05);
    // The whole sweep differs by no less than its first cells.
    const { precision: _, ...sweep } = inHalf;
    const [own, exact] = [measurements(sweep), measurements(inFull)];
    expect(own.length).toBe(exact.length);
    const pairs = own.flatMap((samples, at) => (exact[at] ? [{ half: samples, full: exact[at] }] : []));
    const whole = largestDeviation(pairs);
    for (const metric of metrics) {
      const first = largest?.[metric];
      if (first !== undefined) expect(whole[metric]).toBeGreaterThanOrEqual(first);
    }
  });

  test('a file keeps it, and one whose deviation is no distance is refused', async () => {
    expect((await written(inHalf)).precision).toEqual(inHalf.precision);
    const deviation = inHalf.precision?.deviation;
    if (!deviation) throw new Error('Nothing was compared.');
    const broken = { ...deviation, largest: { ...deviation.largest, probability: -1 } };
    const file = { ...inHalf, precision: { dtype: 'float16', deviation: broken } };
    await expect(readResult(file)).rejects.toThrow(/probability/);
  });

  test('figures, text and a table say it, in the unit of the metric', async () => {
    const kind = await kindOf(name);
    const { figures, summary, tables } = kind.show(inHalf, { metric: 'probability' });
    const largest = inHalf.precision?.deviation?.largest.probability ?? Number.NaN;
    const words = `at most ${Number(largest.toPrecision(2))} from float32 (probability of the answer).`;
    for (const { kind: drawn, description } of figures)
      if (drawn === 'heatmap') expect(description.caption).toContain(words);
    expect(summary({ hasColours: false, columns: 80 })).toContain(words);
    expect(tables.find(({ name: table }) => table === 'precision')?.csv()).toContain(
      `float16,probability,${largest},`,
    );
    const plain = kind.show(inFull, { metric: 'probability' });
    expect(plain.tables.map(({ name: table }) => table)).not.toContain('precision');
    expect(plain.summary({ hasColours: false, columns: 80 })).not.toContain('float16');
  });

  test('a run that goes on keeps what was measured; what float32 gave is computed anew in float16', async () => {
    const { units } = (await readyFor(name)).estimate();
    const part = await written(await run(name, half, { leaveOut: units.slice(1) }));
    expect(await run(name, half, { earlier: part })).toEqual(inHalf);
    expect(await run(name, half, { earlier: inFull })).toEqual(inHalf);
    expect(await run(name, full, { earlier: inHalf })).toEqual(inFull);
  });
});

const others = kindNames.filter((name) => !['trace', 'patch', 'path', 'tensors'].includes(name));
test.each(others.filter((name) => name in experimentsOfKinds))('%s is refused in float16', async (name) => {
  await expect(run(name, half)).rejects.toThrow(
    'is computed in float32: float16 is for traces, patches and paths. Choose float32 (f32).',
  );
});

test('cells that change nothing are not among those that were compared', async () => {
  const ready = await readyFor('patch');
  const kind = await kindOf('patch');
  const growth = kind.growth();
  const counts: number[] = [];
  for await (const update of ready.run(half)) {
    growth.take(update);
    const { cells = [] } = Object(update.change);
    if (cells.length > 0) counts.push(cells.length);
  }
  // The pairs have one first token: three panels of as many layers have its cells.
  expect(counts[0]).toBe(9);
  expect(growth.result?.precision?.deviation?.cells).toBe(counts[1]);
});

test('a run that was stopped before its first cells says that nothing was compared', async () => {
  const controller = new AbortController();
  const ready = await readyFor('patch');
  const kind = await kindOf('patch');
  const growth = kind.growth();
  const reason = new Error('stopped');
  await expect(
    (async () => {
      for await (const update of ready.run(half, { signal: controller.signal })) {
        growth.take(update);
        controller.abort(reason);
      }
    })(),
  ).rejects.toThrow(reason);
  if (!growth.result) throw new Error('The run gave no result.');
  expect((await written(growth.result)).precision).toEqual({ dtype: 'float16' });
  expect(kind.show(growth.result).summary({ hasColours: false, columns: 80 })).toContain(
    'Layers computed in float16; how far that is from float32 was not measured',
  );
});

test('an answer that float32 would not predict is not compared', async () => {
  const growth = (await kindOf('trace')).growth();
  const { answer: _, ...trace } = { answer: 0, ...experimentsOfKinds.trace };
  const ready = await (await kindOf('trace')).resolve(
    full.architecture,
    undefined,
    await readExperiment(trace),
  );
  // A head of other weights predicts another token.
  const other = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2, 2), backend);
  const unlike = Object.create(half, {
    inFull: { value: () => other },
    run: { value: half.run.bind(half) },
    architecture: { value: half.architecture },
  });
  await expect(
    (async () => {
      for await (const update of ready.run(unlike)) growth.take(update);
    })(),
  ).rejects.toThrow('In float16 random gpt2 predicts another token than in float32');
});
