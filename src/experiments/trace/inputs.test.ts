// Traces of models that read more than a text: cell by cell what PyTorch gives (expected/make_traces.py), and what they cost.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { conformanceModel } from '../fixtures/conformanceModel.ts';
import { positionsIn } from '../inputParts.ts';
import { metricOf } from '../metrics.ts';
import { batchCells } from './cells.ts';
import { readTraceExperiment, type TraceExperimentFile } from './experiment.ts';
import { estimateTrace, planCells } from './plan.ts';
import { type ResolvedTrace, resolveTrace } from './resolve.ts';
import { isComplete, readTraceResult, type TraceResult } from './result.ts';
import { prepareTrace } from './run.ts';
import { completeTrace, growTrace } from './work.ts';

const numbers = v.array(v.number());
const expectedSchema = v.object({
  traces: v.record(
    v.string(),
    v.object({
      folder: v.string(),
      direction: v.picklist(['restore', 'corrupt']),
      samples: v.number(),
      seed: v.number(),
      level: v.number(),
      answer: v.number(),
      clean: v.number(),
      corrupted: numbers,
      pixel_values: v.optional(numbers),
      other_pixel_values: v.optional(numbers),
      other_input_features: v.optional(numbers),
      input_features: v.optional(numbers),
      input_ids: v.optional(numbers),
      decoder_input_ids: v.optional(numbers),
      streams: v.array(v.object({ component: v.string(), window: v.number(), cells: v.array(numbers) })),
    }),
  ),
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const { traces } = v.parse(
  expectedSchema,
  JSON.parse(readFileSync(here('./expected/traces.expected.json'), 'utf8')),
);
type Expected = (typeof traces)[string];

const behindStart = (ids: readonly number[] | undefined): number[] => (ids ?? []).slice(1);
const picture = { name: 'picture.png', data: 'AAAA' };
const sound = { name: 'sound.wav', data: 'AAAA' };

/** What the experiment states beside what all do, in the words of a person. */
const given: Readonly<Record<string, (expected: Expected) => Partial<TraceExperimentFile>>> = {
  't5-gated': ({ input_ids, decoder_input_ids }) => ({
    prompt: input_ids ?? [],
    target: behindStart(decoder_input_ids),
    subject: [1, 3],
  }),
  'vit-unbiased': () => ({ prompt: '', image: picture, subject: { patches: [1, 0, 3, 2] }, parts: 2 }),
  'blip-wide': ({ input_ids }) => ({
    prompt: behindStart(input_ids),
    image: picture,
    subject: { patches: [0, 0, 1, 2] },
    parts: 2,
  }),
  'blip-wide words': ({ input_ids }) => ({
    prompt: behindStart(input_ids),
    image: picture,
    subject: [1, 3],
    parts: 2,
  }),
  'blip-answers': ({ input_ids, decoder_input_ids }) => ({
    prompt: input_ids ?? [],
    target: behindStart(decoder_input_ids),
    image: picture,
    subject: [1, 3],
  }),
  'blip-answers patches': ({ input_ids, decoder_input_ids }) => ({
    prompt: input_ids ?? [],
    target: behindStart(decoder_input_ids),
    image: picture,
    subject: { patches: [0, 0, 1, 2] },
    parts: 2,
  }),
  'blip-answers patches corrupt': ({ input_ids, decoder_input_ids }) => ({
    prompt: input_ids ?? [],
    target: behindStart(decoder_input_ids),
    image: picture,
    subject: { patches: [1, 0, 2, 1] },
    parts: 2,
  }),
  'blip-answers words': ({ input_ids, decoder_input_ids }) => ({
    prompt: input_ids ?? [],
    target: behindStart(decoder_input_ids),
    image: picture,
    subject: [2, 3],
    parts: 2,
  }),
  'blip-answers exchanged': ({ input_ids, decoder_input_ids }) => ({
    prompt: input_ids ?? [],
    target: behindStart(decoder_input_ids),
    image: picture,
    subject: { patches: [0, 0, 1, 2] },
    parts: 2,
    corruption: { kind: 'exchange', with: picture },
  }),
  'whisper-heads': ({ decoder_input_ids }) => ({
    prompt: behindStart(decoder_input_ids),
    sound,
    subject: { seconds: [2, 5] },
    parts: 3,
  }),
  'vit-unbiased exchanged': () => ({
    prompt: '',
    image: picture,
    subject: { patches: [1, 0, 3, 2] },
    parts: 2,
    corruption: { kind: 'exchange', with: picture },
  }),
  'whisper-heads exchanged': ({ decoder_input_ids }) => ({
    prompt: behindStart(decoder_input_ids),
    sound,
    subject: { seconds: [2, 5] },
    parts: 3,
    corruption: { kind: 'exchange', with: sound },
  }),
};

describe.each(Object.keys(given))('a trace of %s', (name) => {
  const expected = traces[name];
  if (!expected) throw new Error(`There are no numbers for ${name}.`);
  let backend: Backend;
  let model: Model;
  let close: () => Promise<void>;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    const checkpoint = await conformanceModel(expected.folder);
    close = () => checkpoint.close();
    model = await Model.load(checkpoint, backend);
  });
  afterAll(async () => {
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
    await close();
  });

  const resolve = (more: Partial<TraceExperimentFile> = {}): ResolvedTrace => {
    const { samples, seed, level, direction, streams } = expected;
    const data = expected.pixel_values ?? expected.input_features;
    const experiment = readTraceExperiment({
      kind: 'trace',
      version: 1,
      model: name,
      corruption: { kind: 'noise', level, samples, seed },
      direction,
      streams: streams.map(({ component, window }) => ({ component, window })),
      ...given[name]?.(expected),
      ...more,
    });
    // A position of the sound lasts a second.
    const other = expected.other_pixel_values ?? expected.other_input_features;
    const read = data && {
      data: Float32Array.from(data),
      ...(other ? { other: Float32Array.from(other) } : {}),
      seconds: 7,
      notices: [],
    };
    return resolveTrace(model.architecture, undefined, experiment, read);
  };

  test('every cell is what PyTorch gives', async () => {
    const result = await completeTrace(model, resolve());
    expect(isComplete(result)).toBe(true);
    expect(result.answer.id).toBe(expected.answer);
    expect(metricOf(result.clean, 'probability')[0]).toBeCloseTo(expected.clean, 5);
    expect(result.streams.map(({ cells }) => cells.length)).toEqual(
      expected.streams.map(({ cells }) => cells.length),
    );
    const check = (found: readonly number[], wanted: readonly number[]) => {
      expect(found).toHaveLength(wanted.length);
      found.forEach((value, sample) => {
        expect(Math.abs(value - Math.log(wanted[sample] ?? Number.NaN))).toBeLessThan(1e-4);
      });
    };
    check(metricOf(result.corrupted, 'logProbability'), expected.corrupted);
    for (const [stream, { cells }] of expected.streams.entries())
      for (const [cell, wanted] of cells.entries()) {
        const samples = result.streams[stream]?.cells[cell];
        check(samples ? metricOf(samples, 'logProbability') : [], wanted);
      }
  });

  test('the estimate is what the scheduler counts, and progress reaches it', async () => {
    for (const more of [{}, { direction: 'corrupt' }, { direction: 'restore' }] as const) {
      const trace = resolve(more);
      const { rows } = await prepareTrace(model, trace);
      const clean = { start: trace.start, edits: [] };
      const reads = [clean, ...rows].map((_, row) => ({
        row,
        site: { component: 'logits', layer: null },
        location: { positions: [trace.watched] },
      }));
      const whole = model.schedule({ rows: [clean, ...rows], reads });
      let { rowLayers, tokenLayers } = whole;
      for (const { cells, slices } of batchCells(trace, model.architecture))
        for (const { from, to } of slices) {
          const { plan } = planCells(trace, model.architecture, cells, rows.slice(from, to));
          const scheduled = model.schedule(plan);
          rowLayers += scheduled.rowLayers;
          tokenLayers += scheduled.tokenLayers;
        }
      expect(estimateTrace(model.architecture, trace)).toMatchObject({ rowLayers, tokenLayers });
      const seen: number[] = [];
      await completeTrace(model, trace, { onProgress: (done) => seen.push(done) });
      expect(seen.at(-1)).toBe(rowLayers);
    }
  });

  test('a result survives being written and read, and a stopped trace goes on to the same numbers', async () => {
    const trace = resolve();
    const whole = await completeTrace(model, trace);
    expect(readTraceResult(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
    const prepared = await prepareTrace(model, trace);
    let kept: TraceResult | undefined;
    for await (const result of growTrace(model, prepared)) {
      kept = result;
      break;
    }
    if (!kept) throw new Error('Nothing was kept.');
    let resumed: TraceResult = kept;
    for await (const result of growTrace(model, prepared, { earlier: kept })) resumed = result;
    expect(resumed).toEqual(whole);
  });
});

test('every border of a position in seconds begins at that position', () => {
  const seconds = 30;
  for (let at = 0; at < 1499; at++)
    expect(positionsIn([(at * seconds) / 1500, ((at + 1) * seconds) / 1500], 1500, seconds)).toEqual([at]);
  expect(positionsIn([0.28, 0.56], 1500, seconds)).toHaveLength(14);
  expect(positionsIn([0.29, 0.57], 1500, seconds)).toEqual(Array.from({ length: 15 }, (_, at) => 14 + at));
});

test.each<[string, Partial<TraceExperimentFile>, RegExp]>([
  [
    'patches that the picture has not',
    { subject: { patches: [0, 0, 3, 1] } },
    /reach past the picture, which has 2 across and 2 down/,
  ],
  ['seconds of a picture', { subject: { seconds: [0, 1] } }, /by 'seconds', and this model reads no sound/],
  ['no picture', { image: undefined }, /reads a picture, and the experiment has none/],
])('a trace of an answered question refuses %s', async (_, more, sentence) => {
  const backend = createNodeBackend(1);
  const checkpoint = await conformanceModel('blip-answers');
  const model = await Model.load(checkpoint, backend);
  try {
    const { image = picture, ...rest } = more;
    const experiment = readTraceExperiment({
      kind: 'trace',
      version: 1,
      model: 'answers',
      prompt: [4, 9, 2],
      subject: [1, 2],
      ...rest,
      ...('image' in more ? {} : { image }),
    });
    const read = { data: new Float32Array(432), notices: [] };
    expect(() => resolveTrace(model.architecture, undefined, experiment, read)).toThrow(sentence);
  } finally {
    await model.dispose();
    await checkpoint.close();
    await backend.close();
  }
});
