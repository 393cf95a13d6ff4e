// Attributions of pairs beside the patches that they predict.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openFolder } from '../../checkpoint/openNode.ts';
import { layoutHeatmap } from '../../figures/heatmap.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
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
