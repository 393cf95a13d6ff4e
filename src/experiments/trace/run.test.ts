import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { type Edit, replace } from '../../runtime/plan/plan.ts';
import { windowAround } from '../layers.ts';
import { metricOf } from '../metrics.ts';
import { batchCells } from './cells.ts';
import { readTraceExperiment, type TraceExperimentFile } from './experiment.ts';
import { estimateTrace, planCells } from './plan.ts';
import { type ResolvedTrace, resolveTrace } from './resolve.ts';
import { isComplete, nameTokens, readTraceResult, type TraceResult } from './result.ts';
import { prepareTrace } from './run.ts';
import { completeTrace, growTrace } from './work.ts';

const tokens = [3, 17, 8, 25, 1, 30, 12];
const logits = { component: 'logits', layer: null };

const plainTrace = {
  kind: 'trace',
  version: 1,
  model: 'tiny',
  prompt: tokens,
  subject: [1, 3],
  corruption: { kind: 'noise', level: 0.8, samples: 2 },
} as const;

describe.each(['gpt2', 'mistral', 'gpt_neox'] as const)('a trace of %s', (family) => {
  let backend: Backend;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    model = await Model.load(tinyCheckpoint(tinyConfigurations[family]), backend);
  });
  afterAll(async () => {
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  });

  const resolve = (more: Partial<TraceExperimentFile> = {}): ResolvedTrace =>
    resolveTrace(model.architecture, undefined, readTraceExperiment({ ...plainTrace, ...more }));

  /** log probabilities of the answer in every cell, each computed by itself from the first token on. */
  async function cellByCell(trace: ResolvedTrace, answer: number): Promise<readonly number[][]> {
    const prepared = await prepareTrace(model, trace);
    const { layerCount } = model.architecture;
    const clean = { start: { kind: 'tokens' as const, tokens: trace.tokens }, edits: [] };
    const location = { positions: [trace.tokens.length - 1] };
    const grids: number[][] = [];
    for (const { component, window, heads } of trace.streams) {
      const grid: number[] = [];
      for (let layer = 0; layer < layerCount; layer++) {
        for (const position of trace.positions) {
          const { from, to } = windowAround(layer, window, layerCount);
          const at = { positions: [position], ...(heads ? { heads } : {}) };
          for (const corrupted of prepared.rows) {
            const [target, source] = trace.direction === 'restore' ? [corrupted, clean] : [clean, corrupted];
            const edits = Array.from({ length: to - from }, (_, index): Edit => {
              const site = { component, layer: from + index };
              return {
                site,
                location: at,
                fragment: replace,
                source: { kind: 'row', row: 1, site, location: at },
              };
            });
            const [read] = await model.run({
              rows: [{ ...target, edits: [...target.edits, ...edits] }, source],
              reads: [{ row: 0, site: logits, location }],
            });
            const found = Array.from(read?.value?.data ?? []);
            const total = Math.log(found.reduce((sum, x) => sum + Math.exp(x), 0));
            grid.push((found[answer] ?? Number.NaN) - total);
          }
        }
      }
      grids.push(grid);
    }
    return grids;
  }

  const logProbabilities = (result: TraceResult): readonly number[][] =>
    result.streams.map(({ cells }) =>
      cells.flatMap((samples) => (samples ? [...metricOf(samples, 'logProbability')] : [])),
    );

  function expectAlike(found: readonly number[][], expected: readonly number[][]): void {
    expect(found.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
    found.forEach((grid, stream) => {
      grid.forEach((value, cell) => {
        expect(Math.abs(value - (expected[stream]?.[cell] ?? Number.NaN))).toBeLessThan(2e-5);
      });
    });
  }

  test('every cell equals the run that edits it from the first token on', async () => {
    const trace = resolve({
      streams: [
        { component: 'block_output' },
        { component: 'block_output', window: 2 },
        { component: 'mlp_output', window: 2 },
        { component: 'attention_output', window: 3 },
        { component: 'mlp_activation', window: 1 },
        { component: 'head_attention_value_output', window: 2, heads: [1] },
        { component: 'key_output', window: 2 },
      ],
    });
    const result = await completeTrace(model, trace);
    expect(isComplete(result)).toBe(true);
    expectAlike(logProbabilities(result), await cellByCell(trace, result.answer.id));
  });

  test('corrupted activations put into the clean run equal the run from the first token on', async () => {
    const trace = resolve({
      direction: 'corrupt',
      streams: [{ component: 'block_output' }, { component: 'attention_weight', window: 2, heads: [0] }],
      positions: [2, 5],
    });
    const result = await completeTrace(model, trace);
    expectAlike(logProbabilities(result), await cellByCell(trace, result.answer.id));
  });

  test('restoring the last layer at the last position gives the clean prediction', async () => {
    const { streams, clean } = await completeTrace(
      model,
      resolve({ streams: [{ component: 'block_output' }] }),
    );
    const last = streams[0]?.cells.at(-1);
    for (const value of last ? metricOf(last, 'logProbability') : [Number.NaN])
      expect(value).toBeCloseTo(metricOf(clean, 'logProbability')[0] ?? Number.NaN, 5);
  });

  test('the estimate is what the scheduler counts, and progress reaches it', async () => {
    const outlines: readonly Partial<TraceExperimentFile>[] = [
      {},
      { direction: 'corrupt', subject: [0, 1] },
      { positions: [0], subject: [0, 2] },
      { corruption: { kind: 'noise', level: 1, samples: 70 }, positions: [3, 6] },
    ];
    for (const more of outlines) {
      const trace = resolve(more);
      const estimate = estimateTrace(model.architecture, trace);
      const { rows } = await prepareTrace(model, trace);
      const whole = (1 + rows.length) * model.architecture.layerCount;
      let [rowLayers, tokenLayers, count] = [whole, whole * tokens.length, 1 + rows.length];
      for (const { cells, slices } of batchCells(trace, model.architecture)) {
        for (const { from, to } of slices) {
          const { plan } = planCells(trace, model.architecture, cells, rows.slice(from, to));
          const scheduled = model.schedule(plan);
          rowLayers += scheduled.rowLayers;
          tokenLayers += scheduled.tokenLayers;
          count += plan.rows.length;
        }
      }
      expect(estimate).toMatchObject({ rowLayers, tokenLayers, rows: count });
    }
    const seen: [number, number][] = [];
    await completeTrace(model, resolve(), { onProgress: (done, total) => seen.push([done, total]) });
    const { rowLayers } = estimateTrace(model.architecture, resolve());
    expect(new Set(seen.map(([, total]) => total))).toEqual(new Set([rowLayers]));
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b));
    expect(seen.at(-1)?.[0]).toBe(rowLayers);
  });

  test('samples beyond one plan keep their order', async () => {
    const many = await completeTrace(
      model,
      resolve({ corruption: { kind: 'noise', level: 0.8, samples: 40 }, positions: [2] }),
    );
    const few = await completeTrace(
      model,
      resolve({ corruption: { kind: 'noise', level: 0.8, samples: 3 }, positions: [2] }),
    );
    expect(many.corrupted.rank).toHaveLength(40);
    few.streams.forEach(({ cells }, stream) => {
      cells.forEach((samples, index) => {
        const beside = many.streams[stream]?.cells[index]?.answerLogit ?? [];
        samples?.answerLogit.forEach((logit, sample) => {
          expect(beside[sample]).toBeCloseTo(logit, 4);
        });
      });
    });
  });

  test('a stopped trace keeps its cells, frees its tensors, and goes on to the same numbers', async () => {
    const trace = resolve({ corruption: { kind: 'noise', level: 0.8, samples: 5 } });
    const before = backend.liveTensors;
    const prepared = await prepareTrace(model, trace);
    const controller = new AbortController();
    let kept: TraceResult | undefined;
    const stopped = async () => {
      for await (const result of growTrace(model, prepared, { signal: controller.signal })) {
        kept = result;
        // The baselines, what changes nothing, and one batch: three streams of three layers and one position are 9 cells.
        if (result.streams.flatMap(({ cells }) => cells).filter(Boolean).length > 9) controller.abort();
      }
    };
    await expect(stopped()).rejects.toThrow('abort');
    expect(backend.liveTensors).toBe(before);
    if (!kept) throw new Error('Nothing was kept.');
    expect(isComplete(kept)).toBe(false);
    let resumed: TraceResult = kept;
    for await (const result of growTrace(model, prepared, { earlier: kept })) resumed = result;
    expect(resumed).toEqual(await completeTrace(model, trace));
  });

  test('a result survives being written and read', async () => {
    const result = await completeTrace(model, resolve({ distractor: 4 }));
    expect(readTraceResult(JSON.parse(JSON.stringify(result)))).toEqual(result);
    const named = nameTokens(result, (id) => `token ${id}`);
    expect(readTraceResult(JSON.parse(JSON.stringify(named)))).toEqual(named);
    const last = result.streams[0]?.cells.at(-1)?.topIds[0] ?? [];
    expect(last.length).toBe(5);
    expect(named.names).toEqual(expect.arrayContaining(last.map((id) => ({ id, text: `token ${id}` }))));
    expect(new Set(named.names?.map(({ id }) => id)).size).toBe(named.names?.length);
  });

  test('each corruption is the run that it says', async () => {
    const width = model.architecture.width;
    const embedding = { component: 'embedding_output', layer: null };
    const [read] = await model.run({
      rows: [{ start: { kind: 'tokens', tokens }, edits: [] }],
      reads: [{ row: 0, site: embedding, location: { positions: 'all' } }],
    });
    const all = Array.from(read?.value?.data ?? []);
    const mean = Array.from({ length: width }, (_, i) => {
      const column = all.filter((__, at) => at % width === i);
      return column.reduce((sum, x) => sum + x, 0) / column.length;
    });
    const put = (data: readonly number[]): Edit => ({
      site: embedding,
      location: { positions: [1, 2] },
      fragment: replace,
      source: { kind: 'tensor', data: Float32Array.from(data) },
    });
    const [zero, average, replaced] = [
      { start: { kind: 'tokens' as const, tokens }, edits: [put(new Array(2 * width).fill(0))] },
      { start: { kind: 'tokens' as const, tokens }, edits: [put([...mean, ...mean])] },
      { start: { kind: 'tokens' as const, tokens: [3, 9, 10, 25, 1, 30, 12] }, edits: [] },
    ];
    const expected = await model.run({
      rows: [zero, average, replaced],
      reads: [0, 1, 2].map((row) => ({ row, site: logits, location: { positions: [6] } })),
    });
    const kinds = [{ kind: 'zero' }, { kind: 'mean' }, { kind: 'replace', tokens: [9, 10] }] as const;
    for (const [index, corruption] of kinds.entries()) {
      const { corrupted, answer, level } = await completeTrace(
        model,
        resolve({ corruption, positions: [1] }),
      );
      expect(level).toBeNull();
      expect(corrupted.answerLogit).toHaveLength(1);
      expect(corrupted.answerLogit[0]).toBeCloseTo(expected[index]?.value?.data[answer.id] ?? Number.NaN, 5);
    }
  });

  test("the default level is three standard deviations of the subject's embeddings", async () => {
    const [read] = await model.run({
      rows: [{ start: { kind: 'tokens', tokens }, edits: [] }],
      reads: [
        { row: 0, site: { component: 'embedding_output', layer: null }, location: { positions: [1, 2] } },
      ],
    });
    const values = Array.from(read?.value?.data ?? []);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
    const { level } = await prepareTrace(model, resolve({ corruption: { kind: 'noise' } }));
    expect(level).toBeCloseTo(3 * Math.sqrt(variance), 6);
  });
});
