// Attributions of pairs beside the patches that they predict.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openFolder } from '../../checkpoint/openNode.ts';
import { layoutHeatmap } from '../../figures/heatmap.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { readPatchResult } from '../patch/result.ts';
import { readAttributeExperiment } from './experiment.ts';
import { attributionFigures } from './figure.ts';
import { attributionCsv, readAttributionResult } from './result.ts';
import { completeAttribution, resolveAttribution } from './work.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const json = (path: string): unknown => JSON.parse(readFileSync(`${root}${path}`, 'utf8'));
const stored = readAttributionResult(json('examples/attribute/results/indirect-object.json'));

test('the example gives its stored result, and predicts patching', async () => {
  const checkpoint = await openFolder(`${root}models/tiny-atlas`);
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend);
  try {
    const experiment = readAttributeExperiment(json('examples/attribute/indirect-object.json'));
    const seen: number[] = [];
    const tokenizer = await checkpoint.tokenizer();
    const attribution = resolveAttribution(model.architecture, tokenizer, experiment);
    const result = await completeAttribution(model, attribution, {
      textOf: (id) => tokenizer.tokenText(id),
      onProgress: (done, total) => seen.push(done / total),
    });
    expect(readAttributionResult(JSON.parse(JSON.stringify(result)))).toEqual(result);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    result.panels.forEach((panel, index) => {
      const before = stored.panels[index];
      panel.attributions.forEach((value, cell) => {
        expect(Math.abs(value - (before?.attributions[cell] ?? Number.NaN))).toBeLessThan(1e-3);
      });
      expect(panel.correlation).toBeGreaterThan(0.99);
    });
    // The same cells as the patch of the same pairs, which was stored on its own.
    const patch = readPatchResult(json('examples/patch/results/indirect-object-positions.json'));
    const corrupted = patch.corrupted;
    const difference = (samples: typeof patch.clean) =>
      samples.answerLogit.reduce((sum, logit, i) => sum + logit - (samples.distractorLogit?.[i] ?? 0), 0) /
      samples.answerLogit.length;
    const panel = result.panels.find(({ component }) => component === 'block_output');
    const cells = patch.panels.find(({ component }) => component === 'block_output')?.cells ?? [];
    expect(panel?.patched?.length).toBe(cells.length);
    cells.forEach((samples, cell) => {
      if (!samples || !corrupted) throw new Error('The stored patch is whole.');
      const effect = difference(samples) - difference(corrupted);
      expect(Math.abs(effect - (panel?.patched?.[cell] ?? Number.NaN))).toBeLessThan(1e-3);
    });
  } finally {
    await model.dispose();
    await checkpoint.close();
    await backend.close();
  }
});

test('the table has a line for each cell, and each figure both panels', () => {
  const lines = attributionCsv(stored).trim().split('\n');
  const cells = stored.panels.reduce((sum, { attributions }) => sum + attributions.length, 0);
  expect(lines.length).toBe(1 + cells);
  expect(lines[0]).toBe('panel,layer,head,position,token,attribution,patched');
  const figures = attributionFigures(stored);
  expect(figures.map(({ panels }) => panels.map(({ title }) => title))).toEqual(
    stored.panels.map(() => ['Attribution', 'Patching']),
  );
  for (const figure of figures) layoutHeatmap(figure, { width: 1200, theme: 'print' });
});

test('a state-space model is judged by what it has in the place of attention and MLP, unless components are named', async () => {
  const config = { model_type: 'mamba', hidden_size: 8, num_hidden_layers: 2, state_size: 4, vocab_size: 31 };
  const backend = createNodeBackend(1);
  const model = await Model.load(tinyCheckpoint(config), backend);
  const experiment = readAttributeExperiment({
    ...{ kind: 'attribute', version: 1, model: 'tiny' },
    pairs: [{ clean: [3, 9, 7], corrupted: [3, 8, 7], answer: 5 }],
  });
  const resolved = resolveAttribution(model.architecture, undefined, experiment);
  const result = await completeAttribution(model, resolved);
  expect(result.panels.map(({ component }) => component)).toEqual([
    ...['block_output', 'ssm_output', 'mixer_output'],
  ]);
  for (const { attributions } of result.panels) expect(attributions).toHaveLength(2 * 3);
  // By which an unfinished one is known again.
  expect(result.experiment).toEqual(experiment);
  expect(() =>
    resolveAttribution(model.architecture, undefined, { ...experiment, components: ['mlp_output'] }),
  ).toThrow("'mixer_output' is what its one sublayer adds");
  await model.dispose();
  await backend.close();
});

test('an experiment that asks for too much, or for nothing, says which field', () => {
  const pairs = [{ clean: 'a', corrupted: 'b' }];
  const experiment = { kind: 'attribute', version: 1, model: 'tiny-atlas', pairs };
  expect(() => readAttributeExperiment({ ...experiment, steps: 0 })).toThrow(
    "'steps': There must be at least 1 step.",
  );
  expect(() => readAttributeExperiment({ ...experiment, components: [] })).toThrow(
    "'components': There is no component; name at least one.",
  );
  expect(() => readAttributeExperiment({ ...experiment, step: 3 })).toThrow(
    "'step': There is no such field.",
  );
});
