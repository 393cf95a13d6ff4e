import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { openFolder } from '../../checkpoint/openNode.ts';
import { missingPython, runPrograms } from '../../interventions/export/expected/pythonPrograms.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { metricOf, statisticOf } from '../metrics.ts';
import { readTraceExperiment, type TraceExperimentFile } from './experiment.ts';
import { pyveneCode } from './pyvene.ts';
import { resolveTrace } from './resolve.ts';
import { cellIndex, type TraceResult } from './result.ts';
import { completeTrace } from './work.ts';

const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../../cli/conformance/expected/${name}/model`, import.meta.url));

/** Heads that are hidden / heads wide and not, shared by groups and not, fused projections of both layouts. */
const models = [
  'gpt2-inner',
  'gpt_neox-old-words',
  'gpt_neox-sequential',
  'llama-biases',
  'mistral-window',
  'qwen2-layer-types',
] as const;

const corruptions: Readonly<Record<string, Partial<TraceExperimentFile>>> = {
  noise: { corruption: { kind: 'noise', level: 0.8, samples: 2 } },
  zero: { corruption: { kind: 'zero' } },
  mean: { corruption: { kind: 'mean' } },
  replace: { corruption: { kind: 'replace', tokens: [9, 4] } },
  'replace, the other way round': {
    corruption: { kind: 'replace', tokens: [9, 4] },
    direction: 'corrupt',
  },
};

describe.each(models)('the pyvene program of a cell of %s', (name) => {
  let backend: Backend;
  let checkpoint: Checkpoint;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    checkpoint = await openFolder(folderOf(name));
    model = await Model.load(checkpoint, backend);
  });
  afterAll(async () => {
    await model.dispose();
    await checkpoint.close();
    await backend.close();
  });

  /** Traces of every component that every layer has; of heads, one. A trace has at most eight streams. */
  const traces = async (more: Partial<TraceExperimentFile>): Promise<readonly TraceResult[]> => {
    const streams = model.architecture.components
      .filter(({ scope }) => scope === 'layer')
      .map(({ name: component, layout, heads = 1 }) => ({
        component,
        window: 2,
        ...(layout === 'head' && heads > 1 ? { heads: [1] } : {}),
      }));
    const results: TraceResult[] = [];
    for (let from = 0; from < streams.length; from += 8) {
      const experiment = readTraceExperiment({
        kind: 'trace',
        version: 1,
        model: name,
        prompt: [3, 17, 8, 25, 1, 20, 12],
        subject: [1, 3],
        streams: streams.slice(from, from + 8),
        positions: [1, 4],
        ...more,
      });
      const result = await completeTrace(model, resolveTrace(model.architecture, undefined, experiment));
      results.push({ ...result, model: { ...result.model, label: folderOf(name) } });
    }
    return results;
  };

  test('gives the probability of the cell, for every component and corruption that it claims', async ({
    skip,
  }) => {
    const missing = missingPython('pyvene');
    if (missing !== undefined) return skip(missing);
    const programs = new Map<string, string>();
    const found = new Map<string, number>();
    const refused = new Set<string>();
    for (const [corruption, more] of Object.entries(corruptions)) {
      for (const result of await traces(more)) {
        result.streams.forEach(({ component, cells }, stream) => {
          for (const [layer, position] of [
            [0, 1],
            [1, 4],
          ] as const) {
            const made = pyveneCode(result, { stream, layer, position });
            if (!made.ok) {
              refused.add(component);
              continue;
            }
            const cell = cells[cellIndex(result, { stream, layer, position })];
            if (!cell) throw new Error('The trace is not complete.');
            const label = `${corruption} ${component} ${layer} ${position}`;
            programs.set(label, made.code);
            found.set(label, statisticOf(metricOf(cell, 'probability')).mean);
          }
        });
      }
    }
    expect([...refused].sort()).toEqual(['attention_scores', 'attention_weight']);
    const answers = runPrograms(programs);
    for (const [label, value] of found) {
      const answer = answers.get(label);
      if (!answer || 'error' in answer) throw new Error(`${label}: ${answer?.error ?? 'no answer'}`);
      expect(Math.abs(Number(answer.printed.split('#')[0]) - value), label).toBeLessThan(1e-5);
    }
  });
});

const samples = {
  answerLogit: [0],
  logSumExp: [1],
  rank: [1],
  divergence: [0],
  topIds: [[7]],
  topLogits: [[0]],
};

/** A result that no model has computed, for what is refused and for what a program names. */
const declared = (modelType: string, more: Partial<TraceExperimentFile> = {}, component = 'mlp_output') => {
  const result: TraceResult = {
    kind: 'trace-result',
    version: 1,
    experiment: readTraceExperiment({
      kind: 'trace',
      version: 1,
      model: 'owner/name',
      prompt: 'a "b" c',
      subject: [1, 2],
      corruption: { kind: 'zero' },
      ...more,
    }),
    model: { label: 'owner/name@main', modelType, parameterCount: 1 },
    backend: { kind: 'wasm', description: '' },
    tokens: ['a', ' "b"', ' c'].map((text, id) => ({ id, text })),
    subject: [1, 2],
    answer: { id: 7, text: ' d' },
    level: null,
    samples: 1,
    layerCount: 4,
    positions: [0, 1, 2],
    clean: samples,
    corrupted: samples,
    streams: [{ component, window: 3, cells: new Array(12).fill(null) }],
    notices: [],
  };
  return pyveneCode(result, { stream: 0, layer: 3, position: 2 });
};

test.each([
  ['gpt2', 'transformer.wte.output'],
  ['gpt_neox', 'gpt_neox.embed_in.output'],
  ['qwen2', 'model.embed_tokens.output'],
])(
  'on %s the program corrupts the embeddings of the tokens alone, before positions are added',
  (type, path) => {
    const made = declared(type);
    expect(made.ok ? made.code : made.why).toContain(
      `pv.RepresentationConfig(component="${path}", group_key=0)`,
    );
  },
);

test('where pyvene cannot compute a cell, the reason is given', () => {
  expect(declared('gpt2', { direction: 'corrupt' })).toEqual({
    ok: false,
    why: 'pyvene takes its sources from plain runs, and here the source is itself corrupted at its embeddings.',
  });
  expect(declared('gpt2', {}, 'attention_weight')).toEqual({
    ok: false,
    why: "No module of the model returns 'attention_weight', so pyvene cannot restore it.",
  });
  expect(declared('unheard_of')).toEqual({
    ok: false,
    why: "Programs for pyvene have not been tried with models of type 'unheard_of'.",
  });
});
