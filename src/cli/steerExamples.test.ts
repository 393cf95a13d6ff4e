import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { openModel } from '../checkpoint/openNode.ts';
import { kindOf, readExperiment } from '../experiments/registry.ts';
import { completeExperiment } from '../experiments/runExperiment.ts';
import { measureCell } from '../experiments/steer/cells.ts';
import { readSteerResult, type SteerResult } from '../experiments/steer/result.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { Model } from '../runtime/model.ts';
import { modelPath } from './hostModel.ts';

const folder = new URL('../../examples/steer/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const stored = (name: string): SteerResult => readSteerResult(read(`results/${name}`));

let backend: Backend;
let checkpoint: Checkpoint;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  checkpoint = await openModel(modelPath('tiny-atlas'));
  model = await Model.load(checkpoint, backend);
});
afterAll(async () => {
  await model.dispose();
  await checkpoint.close();
  await backend.close();
});

test.each(files)('%s: its texts, and the first layer of its sweep, are what is stored', async (name) => {
  const experiment = await readExperiment(read(name));
  const kind = await kindOf(experiment.kind);
  const ready = await kind.resolve(model.architecture, await checkpoint.tokenizer(), experiment);
  const [, ...others] = ready.estimate().units.filter((unit) => unit.startsWith('sweep'));
  const result = readSteerResult(
    await completeExperiment(model, checkpoint, experiment, { leaveOut: others }),
  );
  expect(result.notices).toEqual([]);
  const kept = stored(name);
  expect(kept.experiment).toEqual(result.experiment);
  expect(kind.isComplete(kept)).toBe(true);
  result.texts.forEach((texts, prompt) => {
    texts?.forEach((text, place) => {
      const other = kept.texts[prompt]?.[place];
      expect(text.text).toBe(other?.text);
      expect(text.effect).toBeCloseTo(other?.effect ?? Number.NaN, 3);
    });
  });
  result.sweep?.[0]?.forEach((cell, strength) => {
    const other = kept.sweep?.[0]?.[strength];
    expect(measureCell(cell).effect?.mean).toBeCloseTo(
      (other && measureCell(other).effect?.mean) ?? Number.NaN,
      3,
    );
  });
});

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

test.each(files)('%s: the vector does several times what random directions of its length do', (name) => {
  const { texts, choice } = stored(name);
  const effects = (column: string) =>
    texts.flatMap((own) => (own ?? []).flatMap((text) => (text.column === column ? [text.effect ?? 0] : [])));
  expect(mean(effects('steered'))).toBeGreaterThan(3 * mean(effects('random').map(Math.abs)));
  expect(mean(effects('negative'))).toBeLessThan(mean(effects('steered')) / 2);
  // Chosen on one half of the prompts, it holds on the other.
  expect(choice?.reported).toBeGreaterThan(3 * Math.abs(choice?.random ?? Number.NaN));
});

const said = (name: string, column: string): readonly string[] =>
  stored(name).texts.flatMap((own) =>
    (own ?? []).flatMap((text) => (text.column === column ? [text.text.trim()] : [])),
  );

test('a landmark moves to another city, a man becomes a woman, one becomes many', () => {
  const cities = (column: string) => said('country.json', column).slice(0, 4);
  expect(cities('unsteered')).toEqual(Array.from({ length: 4 }, () => 'Paris.'));
  expect(cities('steered')).toEqual(Array.from({ length: 4 }, () => 'Istanbul.'));
  for (const text of said('gender.json', 'unsteered')) expect(text).toMatch(/^he /);
  for (const text of said('gender.json', 'steered')) expect(text).toMatch(/^she /);
  for (const text of said('plural.json', 'unsteered')) expect(text).toMatch(/^(is|has) /);
  for (const text of said('plural.json', 'steered')) expect(text).toMatch(/^(are|have) /);
});
