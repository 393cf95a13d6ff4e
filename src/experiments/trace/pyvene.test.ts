import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openFolder } from '../../checkpoint/openNode.ts';
import { missingPython, runPrograms } from '../../interventions/export/expected/pythonPrograms.ts';
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

const pairs = ['attention_scores', 'attention_weight'];
/** What may be read elsewhere too in modules that are edited in place. */
const inputs = ['attention_input', 'mlp_input'];
const norms = ['query_norm_output', 'key_norm_output'].flatMap((name) => [name, `head_${name}`]);
const projections = ['query_output', 'key_output', 'value_output'].flatMap((name) => [name, `head_${name}`]);

/**
 * Heads that are hidden / heads wide and not, shared by groups and not, fused projections of both layouts; the families that
 * pyvene does not know. With each, the components that no program restores.
 */
const models: Readonly<Record<string, readonly string[]>> = {
  'gpt2-inner': [...pairs, 'block_middle'],
  'gpt_neox-old-words': pairs,
  'gpt_neox-sequential': [...pairs, 'block_middle'],
  'llama-biases': [...pairs, 'block_middle'],
  'mistral-window': [...pairs, 'block_middle'],
  'qwen2-layer-types': [...pairs, 'block_middle'],
  'bloom-six-heads': [...pairs, ...inputs, 'block_middle'],
  'cohere-norms': [...pairs, ...inputs, ...norms],
  'falcon-one-query': [...pairs, ...inputs, ...projections],
  'falcon-sequential': [...pairs, ...inputs, ...projections, 'block_middle'],
  'gpt_bigcode-by-head': [...pairs, ...inputs, ...projections, 'block_middle'],
  'gpt_neo-local': [...pairs, ...inputs, 'block_middle'],
  'gptj-inner': [...pairs, ...inputs],
  'granite-factors': [...pairs, ...inputs, 'block_middle'],
  'mamba-unbiased': ['ssm_state'],
  'mamba2-limits': ['ssm_state'],
  'mixtral-window': [...pairs, ...inputs, 'block_middle', 'expert_output', 'mlp_output', 'router_output'],
  'olmo2-biases': [...pairs, ...inputs, 'block_middle'],
  'opt-350m': [...pairs, ...inputs, 'block_middle', 'mlp_activation', 'mlp_output'],
  'phi-norms': [...pairs, ...inputs, ...norms],
  'phi3-longrope': [...pairs, ...inputs, ...projections, 'block_middle'],
  'qwen3-window': [...pairs, ...inputs, ...norms, 'block_middle'],
  'qwen3_moe-mixed': [...pairs, ...inputs, ...norms, 'block_middle'],
  'stablelm-parallel': [...pairs, ...inputs, ...norms],
  'starcoder2-unbiased': [...pairs, ...inputs, 'block_middle'],
};

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

/** Those of which pyvene has tables are tried under each corruption, the rest under one of each form of program. */
const tabled = /^(gpt2|gpt_neox|llama|mistral|qwen2)-/;

const onModel = async <T>(name: string, use: (model: Model) => Promise<T>): Promise<T> => {
  const backend = createNodeBackend(1);
  const checkpoint = await openFolder(folderOf(name));
  const model = await Model.load(checkpoint, backend);
  try {
    return await use(model);
  } finally {
    await model.dispose();
    await checkpoint.close();
    await backend.close();
  }
};

/** Traces of every component that every layer has; of heads, one. A trace has at most eight streams. */
async function traces(
  name: string,
  model: Model,
  more: Partial<TraceExperimentFile>,
): Promise<readonly TraceResult[]> {
  const { layerCount } = model.architecture;
  const streams = model.architecture.components
    .filter(({ scope, layers }) => scope === 'layer' && (layers?.length ?? layerCount) === layerCount)
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
}

interface Made {
  readonly refused: readonly string[];
  readonly programs: ReadonlyMap<string, { readonly code: string; readonly found: number }>;
}

const madeOf = (name: string): Promise<Made> =>
  onModel(name, async (model) => {
    const programs = new Map<string, { readonly code: string; readonly found: number }>();
    const refused = new Set<string>();
    for (const [corruption, more] of Object.entries(corruptions)) {
      if (!tabled.test(name) && !/^(noise|replace)$/.test(corruption)) continue;
      for (const result of await traces(name, model, more)) {
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
            programs.set(`${name} ${corruption} ${component} ${layer} ${position}`, {
              code: made.code,
              found: statisticOf(metricOf(cell, 'probability')).mean,
            });
          }
        });
      }
    }
    return { refused: [...refused].sort(), programs };
  });

test('the pyvene program of a cell gives its probability, for every component and corruption that it claims', async ({
  skip,
}) => {
  const missing = missingPython('pyvene');
  if (missing !== undefined) return skip(missing);
  const made = new Map<string, Made>();
  for (const name of Object.keys(models)) made.set(name, await madeOf(name));
  expect(Object.fromEntries([...made].map(([name, { refused }]) => [name, refused]))).toEqual(
    Object.fromEntries(Object.entries(models).map(([name, refused]) => [name, [...refused].sort()])),
  );
  const programs = new Map([...made.values()].flatMap((each) => [...each.programs]));
  const answers = runPrograms(new Map([...programs].map(([label, { code }]) => [label, code])));
  const wrong = [...programs].flatMap(([label, { found }]) => {
    const answer = answers.get(label);
    if (!answer || 'error' in answer) return [`${label}: ${answer?.error ?? 'no answer'}`];
    // What pyvene says when it is first imported stands before.
    const off = Math.abs(Number(answer.printed.trim().split('\n').at(-1)) - found);
    return off < 1e-5 ? [] : [`${label}: off by ${off}`];
  });
  expect(wrong).toEqual([]);
}, 1_200_000);

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
