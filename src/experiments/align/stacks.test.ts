// Alignments of models that read more than a text: where positions are, what labels are, what is refused, what a run counts, and
// what was trained in the library's own hands.

import { afterAll, describe, expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import type { Model } from '../../runtime/model.ts';
import { readPrompt } from '../examplePrompts.ts';
import { expectedModel } from '../fixtures/maskedModel.ts';
import { modelsOnNode } from '../fixtures/openedModels.ts';
import { withoutBytes } from '../givenFile.ts';
import type { GivenPrompt } from '../givenPrompt.ts';
import { estimateAlign } from './estimate.ts';
import { type AlignExperimentFile, readAlignExperiment, withAlignFiles } from './experiment.ts';
import { alignmentOf, cases, picturesOf } from './fixtures/stackAlignments.ts';
import { alignKind } from './kind.ts';
import { resolveAlign, resolveAlignBreathing } from './resolve.ts';
import { readAlignResult } from './result.ts';
import { runAlign } from './run.ts';
import { promptWords } from './task.ts';
import { trainedFiles, trainedIntervention } from './trained.ts';
import { completeAlign } from './work.ts';

const folders = ['t5-gated', 'vit-unbiased', 'blip-wide', 'whisper-heads', 'blip-answers'] as const;
const { named: modelNamed, close } = await modelsOnNode(folders);
afterAll(close);

const file = (more: Partial<AlignExperimentFile>): AlignExperimentFile => ({
  kind: 'align',
  version: 1,
  model: 'tiny',
  site: { component: 'block_output', layer: 0, position: 'last' },
  intervention: { type: 'LowRankRotated', rank: 2 },
  data: [],
  training: { batchSize: 2 },
  ...more,
});

function resolved(name: string, more: Partial<AlignExperimentFile>) {
  const { architecture } = modelNamed(name);
  const experiment = readAlignExperiment(file(more));
  return resolveAlign(architecture, undefined, experiment, picturesOf(architecture).inputs);
}

const image = (name: string) => ({ image: { name } });
/** Two examples that differ in their label. */
const both = (base: object, source: object, labels: readonly [number | string, number | string]) =>
  labels.map((label) => ({ base, source, label })) as AlignExperimentFile['data'];
const t5 = both({ prompt: [5, 6, 7], target: [8] }, { prompt: [9, 4, 5, 6], target: [7] }, [3, 4]);
const vit = both({ prompt: [], ...image('0') }, { prompt: [], ...image('1') }, ['class 3', 4]);
const blip = both({ prompt: [5], ...image('0') }, { prompt: [6, 7], ...image('1') }, [3, 4]);

test('positions count in the stack of the site: a source, what the decoder has written, patches', () => {
  const at = (name: string, data: AlignExperimentFile['data'], component: string) => {
    const site = { component, layer: 0, position: ['last', 1] };
    const { train } = resolved(name, { site, data, testData: data });
    return train[0]?.places;
  };
  expect(at('t5-gated', t5, 'encoder.block_output')).toEqual([
    { base: [2], source: [3] },
    { base: [1], source: [1] },
  ]);
  expect(at('t5-gated', t5, 'mlp_output')?.[0]).toEqual({ base: [1], source: [1] });
  // Keys that the decoder makes of the source.
  expect(at('t5-gated', t5, 'cross_value_output')?.[0]).toEqual({ base: [2], source: [3] });
  expect(at('vit-unbiased', vit, 'block_output')?.[0]).toEqual({ base: [8], source: [8] });
  expect(at('blip-wide', blip, 'vision.mlp_output')?.[0]).toEqual({ base: [4], source: [4] });
  expect(at('blip-wide', blip, 'block_output')?.[0]).toEqual({ base: [1], source: [2] });
});

test('a prompt in words names the picture or the sound that is read', () => {
  const tokenizer = { decode: (ids: readonly number[]) => ids.join('-'), isSpecial: (id: number) => id < 4 };
  const words = (name: string, prompt: GivenPrompt) => {
    const { architecture } = modelNamed(name);
    const { inputs } = picturesOf(architecture);
    const read = readPrompt({ architecture, tokenizer: undefined, inputs }, prompt, 'data.0.base').prompt;
    return promptWords(read, tokenizer);
  };
  expect(words('t5-gated', { prompt: [5, 6], target: [8] })).toBe('5-6 8');
  expect(words('vit-unbiased', { prompt: '', ...image('1') })).toBe('[1]');
  expect(words('blip-wide', { prompt: [5], ...image('0') })).toMatch(/^\[0\] (\d+-)?5$/);
  expect(words('blip-answers', { prompt: [5, 6], target: [7], ...image('2') })).toMatch(
    /^\[2\] 5-6 (\d+-)?7$/,
  );
});

test('all layers are those of the site’s own stack', () => {
  const site = (component: string) => ({ component, layer: 'all', position: 'last' }) as const;
  const layersOf = (component: string) =>
    resolved('t5-gated', { site: site(component), data: t5, testData: t5 }).layers;
  expect(layersOf('encoder.block_output')).toEqual([0, 1, 2]);
  expect(layersOf('block_output')).toEqual([0, 1]);
  expect(layersOf('encoder.final_norm_output')).toEqual([2]);
});

test('a label of a classifier is a class, by its name or its number', () => {
  const { train } = resolved('vit-unbiased', { data: vit, testData: vit });
  expect(train.map(({ label }) => label)).toEqual([
    { ids: [3], text: 'class 3' },
    { ids: [4], text: 'class 4' },
  ]);
  // It is said at the position that has no pixels.
  expect(train[0]?.base).toMatchObject({ tokens: [], watched: 0 });
});

test.each<readonly [string, Partial<AlignExperimentFile>, string]>([
  [
    't5-gated',
    { data: both({ prompt: [], target: [8] }, { prompt: [4] }, [3, 4]) },
    "The prompt 'data.0.base' has no tokens",
  ],
  [
    't5-gated',
    { data: both({ prompt: [4], ...image('0') }, [4], [3, 4]) },
    "'data.0.base': This t5 model reads no picture",
  ],
  [
    'vit-unbiased',
    { data: both({ prompt: [] }, { prompt: [] }, [3, 4]) },
    "'data.0.base': This vit model reads a picture, and the experiment has none",
  ],
  [
    'vit-unbiased',
    { data: both({ prompt: [5], ...image('0') }, { prompt: [], ...image('0') }, [3, 4]) },
    "'data.0.base': This vit model reads a picture alone",
  ],
  [
    'blip-wide',
    { data: both({ prompt: [5], target: [5], ...image('0') }, { prompt: [], ...image('0') }, [3, 4]) },
    "Leave out 'target'",
  ],
  [
    'vit-unbiased',
    { data: both({ prompt: [], ...image('0') }, { prompt: [], ...image('1') }, ['class 30', 4]) },
    "The model has no class 'class 30', the label 'data.0.label'. Did you mean 'class 0'",
  ],
  [
    'vit-unbiased',
    { data: both({ prompt: [], ...image('0') }, { prompt: [], ...image('1') }, [29, 4]) },
    'Its classes are 0 to 28',
  ],
  [
    'vit-unbiased',
    { data: [{ base: { prompt: [], ...image('0') }, source: { prompt: [], ...image('1') }, label: [3, 4] }] },
    "The label 'data.0.label' is a list of 2 ids, and this model says one class",
  ],
  [
    't5-gated',
    { data: t5, site: { component: 'encoder.block_output', layer: 0, position: 3 } },
    "'data.0.base' has no position 3: its source is 3 tokens, with positions 0 to 2.",
  ],
  [
    't5-gated',
    { data: t5, site: { component: 'block_output', layer: 0, position: 2 } },
    "'data.0.base' has no position 2: what its decoder has written, and begins with, is 2 tokens, with positions 0 to 1.",
  ],
  [
    'vit-unbiased',
    { data: vit, site: { component: 'block_output', layer: 0, position: 9 } },
    "'data.0.base' has no position 9: its picture has positions 0 to 8.",
  ],
  [
    'vit-unbiased',
    { data: vit, site: { component: 'block_output', layer: 0, position: 'mask' } },
    "'data.0.positions' has no 'mask'",
  ],
  [
    't5-gated',
    { data: t5, site: { component: 'block_output', layer: 2, position: 0 } },
    "'site.layer': there is no layer 2; this model has layers 0 to 1 of 'block_output'.",
  ],
  [
    't5-gated',
    { data: t5, site: { component: 'encoder.final_norm_output', layer: 0, position: 0 } },
    "'site.layer': layer 0 has no 'encoder.final_norm_output' in this model. Layers that have one: 2.",
  ],
  [
    't5-gated',
    {
      data: t5,
      site: { component: 'encoder.block_output', layer: 1, position: 0 },
      jointly: [{ component: 'block_output', layer: 'same', position: 0 }],
    },
    "'jointly.0.layer' is 'same', and 'block_output' has other layers than 'encoder.block_output'",
  ],
])('%s: %j is refused', (name, more, sentence) => {
  expect(() => resolved(name, { testData: more.data ?? t5, ...more })).toThrow(sentence);
});

test('a file that names a picture and does not hold it is refused by its name, and one that is no picture', async () => {
  const { architecture } = modelNamed('vit-unbiased');
  const experiment = (given: object) =>
    readAlignExperiment(
      file({ data: both({ prompt: [], image: given }, { prompt: [], image: given }, [3, 4]) }),
    );
  await expect(
    resolveAlignBreathing(architecture, undefined, experiment({ name: 'cat.png' })),
  ).rejects.toThrow(
    "The experiment was made with the picture 'cat.png', and does not hold it. Give it again.",
  );
  await expect(
    resolveAlignBreathing(architecture, undefined, experiment({ name: 'cat.png', data: btoa('no picture') })),
  ).rejects.toThrow('cat.png');
  await expect(
    resolveAlignBreathing(architecture, undefined, experiment({ file: 'cat.png' })),
  ).rejects.toThrow("names the picture 'cat.png' by its path");
});

test('a link leaves pictures out and names them, and texts in them are text', () => {
  const held = { name: 'a.png', data: 'AAAA', sha256: '0'.repeat(64) };
  const data = both({ prompt: [5], image: held }, { prompt: 'a dog', image: held }, [3, 4]);
  const experiment = readAlignExperiment(file({ data, testData: data }));
  const linked = withAlignFiles(experiment, withoutBytes);
  expect(JSON.stringify(linked)).not.toContain('AAAA');
  expect(linked.data).toMatchObject([{ base: { image: { name: 'a.png', sha256: '0'.repeat(64) } } }, {}]);
  expect(readAlignExperiment(JSON.parse(JSON.stringify(linked)))).toEqual(linked);
  expect(alignKind.hasText(experiment)).toBe(true);
  expect(alignKind.hasText(readAlignExperiment(file({ data: blip })))).toBe(false);
});

describe('data that a causal model declares', () => {
  const words = ['w5', 'w6', 'w7', 'w8', 'w9'];
  const declared = (more: object) => ({
    causalModel: { word: { values: words }, answer: { parents: ['word'], function: 'copy' } },
    prompt: 'w3 {word} w4',
    label: '{answer}',
    interchange: 'word',
    count: 12,
    ...more,
  });
  const tokenizer = async () => {
    const { mkdtempSync, rmSync } = await import('node:fs');
    const { tmpdir } = await import('node:os');
    const { join } = await import('node:path');
    const { cpSync } = await import('node:fs');
    const { writeWordTokenizer } = await import('../../checkpoint/fixtures/wordTokenizer.ts');
    const folder = mkdtempSync(join(tmpdir(), 'patchbay-declared-'));
    try {
      cpSync(expectedModel('t5-gated'), folder, { recursive: true });
      writeWordTokenizer(folder, 29);
      const checkpoint = await openModel(folder);
      const found = await checkpoint.tokenizer();
      await checkpoint.close();
      return found;
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test('is a source, with what the decoder has written; its variables are positions of the source', async () => {
    const found = await tokenizer();
    const { architecture } = modelNamed('t5-gated');
    const of = (component: string, position: string, more = {}) =>
      resolveAlign(
        architecture,
        found,
        readAlignExperiment(
          file({
            data: declared(more),
            site: { component, layer: 0, position },
          } as Partial<AlignExperimentFile>),
        ),
      );
    const { train } = of('encoder.block_output', 'word', { target: 'w3 w4' });
    expect(train[0]?.base.tokens).toHaveLength(3);
    expect(train[0]?.base.input?.tokens).toHaveLength(3);
    expect(train[0]?.places).toEqual([{ base: [1], source: [1] }]);
    expect(of('block_output', 'last').train[0]?.places).toEqual([{ base: [0], source: [0] }]);
    expect(() => of('block_output', 'word')).toThrow(
      "'site.position' is 'word', and 'data' declares where that is in the source, of which 'block_output' has no positions.",
    );
  });

  test('is refused where a model reads a picture or has no source', async () => {
    const found = await tokenizer();
    const of = (architecture: Model['architecture'], more = {}) =>
      resolveAlign(
        architecture,
        found,
        readAlignExperiment(file({ data: declared(more) } as Partial<AlignExperimentFile>)),
      );
    expect(() => of(modelNamed('vit-unbiased').architecture)).toThrow(
      "'data' declares prompts as text, and this vit model reads a picture. Give a list of examples.",
    );
    const gpt2 = describeArchitecture(
      { model_type: 'gpt2', n_embd: 8, n_head: 2, n_layer: 2, n_positions: 16, vocab_size: 40 },
      new Set(),
    );
    expect(() => of(gpt2, { target: 'w3' })).toThrow("so no target beside its prompt. Leave out 'target'.");
  });
});

test.each(cases.map((each, index) => ({ index, ...each })))(
  'progress at $site.component of $model grows to what was estimated',
  async ({ index }) => {
    const given = cases[index];
    if (!given) throw new Error('There is no such case.');
    const model = modelNamed(given.model);
    const align = alignmentOf(model.architecture, given);
    const { rowLayers, prompts } = estimateAlign(align, model.architecture);
    const seen: number[] = [];
    for await (const update of runAlign(model, align, {
      onProgress: (done, total) => {
        expect(total).toBe(rowLayers);
        seen.push(done);
      },
    }))
      if (update.kind === 'end') expect(update.end).toBe('all-steps');
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    // The last of it is counted where it was done, and not at once.
    const [before, last] = seen.slice(-2);
    expect([before, last]).toEqual([rowLayers, rowLayers]);
    // Of several stacks nothing is kept between steps.
    expect(prompts[0]?.keptCount === 0).toBe(given.model !== 'vit-unbiased');
  },
);

test.each(cases.filter(({ jointly }) => !jointly))(
  'what was trained at $site.component of $model is a configuration of its component, and files',
  async (given) => {
    const model = modelNamed(given.model);
    const align = alignmentOf(model.architecture, given);
    const result = await completeAlign(model, align);
    // An earlier reader knows no more than a text.
    expect(readAlignResult(JSON.parse(JSON.stringify(result))).version).toBe(2);
    const { configuration, parameters } = trainedIntervention(result, 0);
    const [{ component }] = [given.site];
    expect(configuration.representations.map((own) => own.component)).toEqual([component]);
    const files = trainedFiles(result, 0);
    const text = new TextDecoder().decode(files.get('config.json') ?? files.get('intervention.json'));
    expect(text).toContain(component);
    // pyvene's mask of several units has another width.
    const isPyvenes = !given.site.heads;
    expect([...files.keys()].includes('config.json')).toBe(isPyvenes);
    if (!isPyvenes) {
      expect(JSON.parse(text)).toMatchObject({ notForPyvene: expect.stringContaining('pyvene') });
      const [[key, own] = ['', {}]] = Object.entries(parameters);
      const [name = ''] = Object.keys(own);
      const header = new TextDecoder().decode(files.get('parameters.safetensors'));
      expect(header).toContain(`"${key}/${name}"`);
    }
    const { summary, files: shown } = alignKind.show(result);
    expect(summary({ hasColours: false, columns: 80 })).toContain(component);
    expect(Object.keys(shown?.() ?? {}).length).toBeGreaterThan(0);
  },
);
