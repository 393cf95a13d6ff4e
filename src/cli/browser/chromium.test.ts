// The engine in a browser: WebGPU in Chromium against PyTorch's numbers and against the node backend. On a machine
// without a GPU the adapter is a software one, so a model takes some seconds.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apart, expected as ofPyvene } from '../../../examples/library/expected.ts';
import type { ModelConfiguration } from '../../checkpoint/checkpoint.ts';
import * as contraction from '../../onnx/contraction.ts';
import * as elementwise from '../../onnx/elementwise.ts';
import * as layout from '../../onnx/layout.ts';
import * as reduction from '../../onnx/reduction.ts';
import * as windows from '../../onnx/windows.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import type { CaseResult } from '../conformance/cases.ts';
import { difference, tolerances } from '../conformance/compare.ts';
import { committedFolders, neighbouringFolders } from '../conformance/expectedFolders.ts';
import { type BrowserSession, openBrowser } from './chromium.ts';
import { exerciseComponents } from './exercise.ts';
import { operatorNames, runOperators } from './operators.ts';

const patienceMs = 300_000;
// A few of all families, those that meet the most operators, one of two stacks and one with trained rotations.
// `npm run conform` runs the committed folders of every one. The larger models where they are.
const neighbouring = /^(gpt2|mistral-das|mixtral|gemma3_text|t5)$/;
const committed = [
  'interventions-llama',
  'gpt2-inner',
  'llama-llama3',
  'mistral-window',
  'qwen2-layer-types',
  'gpt_neox-old-words',
  'mixtral-window',
  'bloom-six-heads',
  'gemma3_text-old-words',
  'cohere-norms',
];
const folders =
  neighbouringFolders.length > 0
    ? neighbouringFolders.filter(({ name }) => neighbouring.test(name))
    : committedFolders.filter(({ name }) => committed.includes(name));

const configurations: Readonly<Record<string, ModelConfiguration>> = {
  gpt2: { ...tinyConfigurations.gpt2, n_layer: 2, tie_word_embeddings: false },
  qwen2: {
    ...tinyConfigurations.llama,
    model_type: 'qwen2',
    num_hidden_layers: 2,
    use_sliding_window: true,
    sliding_window: 2,
    max_window_layers: 1,
  },
  gpt_neox: { ...tinyConfigurations.gpt_neox, num_hidden_layers: 2 },
  mixtral: { ...tinyConfigurations.llama, model_type: 'mixtral', num_hidden_layers: 2, num_local_experts: 3 },
};

const embeddedModel = fileURLToPath(new URL('../../../models/tiny-atlas', import.meta.url));

let browser: BrowserSession;
beforeAll(async () => {
  browser = await openBrowser([
    ...folders.flatMap(({ path, modelPath }) => [path, modelPath]),
    embeddedModel,
  ]);
}, patienceMs);
afterAll(async () => {
  await browser?.close();
});

test(
  'the library gives the numbers of pyvene in a page, on WASM',
  async () => {
    const { nested, subspace, added } = await browser.tutorials(2 * folders.length, 'wasm', ofPyvene.words);
    expect(
      apart(nested.head_attention_value_output, ofPyvene.nested.head_attention_value_output),
    ).toBeLessThan(1e-4);
    expect(apart(nested.head_value_output, ofPyvene.nested.head_value_output)).toBeLessThan(1e-4);
    expect(apart(subspace, ofPyvene.subspace)).toBeLessThan(1e-4);
    expect(apart(added, ofPyvene.added)).toBeLessThan(1e-4);
  },
  patienceMs,
);

describe('WebGPU in Chromium', () => {
  test.each(folders.map((folder, index) => ({ name: folder.name, index })))(
    '$name gives the numbers of PyTorch',
    async ({ name, index }) => {
      const results: CaseResult[] = [];
      for (const kind of [
        'activations',
        'interchange',
        'pyvene',
        'formula',
        'gradient',
        'das',
        'generate',
        'pyvene.generate',
      ]) {
        const request = { label: name, kind, reference: 2 * index, model: 2 * index + 1 };
        await browser.conform({ backend: 'webgpu', ...request }, (result) => results.push(result));
      }
      expect(results.length).toBeGreaterThan(0);
      expect(results.filter(({ status }) => status !== 'passed')).toEqual([]);
    },
    patienceMs,
  );

  test.each(Object.entries(configurations))(
    'every component of %s is read and overridden on the GPU alone, as on node, and leaves no tensor and no program behind',
    async (_, config) => {
      const { components, live, liveAtEnd, programsAtEnd } = await browser.exercise({ config, passes: 50 });
      const backend = createNodeBackend(1);
      const model = await Model.load(tinyCheckpoint(config), backend);
      const expected = await exerciseComponents(model);
      await model.dispose();
      await backend.close();
      expect(components.map(({ component }) => component)).toEqual(
        expected.map(({ component }) => component),
      );
      const apart = components.filter((found, index) => {
        const wanted = expected[index];
        return (['read', 'fromTensor', 'fromRow'] as const).some(
          (what) => !difference(found[what], wanted?.[what] ?? [], tolerances.webgpu).isWithin,
        );
      });
      expect(apart.map(({ component }) => component)).toEqual([]);
      expect(live.afterLast).toBe(live.afterFirst);
      expect(liveAtEnd).toBe(0);
      expect(programsAtEnd).toBe(0);
    },
    patienceMs,
  );

  test('an operator without a WebGPU kernel is refused rather than run on the CPU', async () => {
    expect(await browser.refusal('Round')).toMatch(/fallback|CPU/i);
    expect(await browser.refusal('Tanh')).toBeNull();
  });

  test(
    'every operator that there is a function for runs on WebGPU, and gives what Node gives, but for four',
    async () => {
      // Gradients of imported files need these, and are computed on the processor. As operators of our version of ONNX they have
      // no kernel on WebGPU.
      const others = ['sin', 'cos', 'convTranspose', 'maxPool'];
      for (const name of ['Sin', 'Cos']) expect(await browser.refusal(name)).toMatch(/fallback|CPU/i);
      const functions = [contraction, elementwise, layout, reduction, windows].flatMap((file) =>
        Object.keys(file),
      );
      expect([...operatorNames].sort()).toEqual(
        [
          ...functions.filter((name) => !others.includes(name)),
          'geluTanh',
          'topKPlaces',
          'cumulativeSumReverse',
        ].sort(),
      );
      const backend = createNodeBackend(1);
      const expected = await runOperators(backend);
      expect(backend.liveTensors).toBe(0);
      await backend.close();
      const found = await browser.operators();
      for (const name of operatorNames) {
        const { isWithin, absolute } = difference(found[name] ?? [], expected[name] ?? [], tolerances.webgpu);
        expect(isWithin, `${name} is off by ${absolute}`).toBe(true);
      }
    },
    patienceMs,
  );

  test('numbers are not handed over after an error of the GPU that nothing waited for', async () => {
    const { complaint, next } = await browser.afterFault();
    expect(complaint).toMatch(/^The GPU refused a part of the work \(.+\), so its numbers are not shown\./);
    expect(next).toEqual([1, 2, 3, 4]);
  });
});
