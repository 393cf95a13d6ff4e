import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { measureCell } from './cells.ts';
import { cosine } from './directions.ts';
import { steerFigures } from './figure.ts';
import { steerKind } from './kind.ts';
import { readSteerResult, type SteerResult } from './result.ts';
import { vectorData } from './vectorData.ts';

const stored = (name: string): SteerResult =>
  readSteerResult(
    JSON.parse(readFileSync(new URL(`../../../examples/steer/results/${name}`, import.meta.url), 'utf8')),
  );

const heatmap = (result: SteerResult, name: string) => {
  const figure = steerFigures(result).find((own) => own.name === name);
  if (figure?.kind !== 'heatmap') throw new Error(`There is no map '${name}'.`);
  return figure.description;
};

test('the maps of a sweep have a row for each strength and a column for each layer, the vector beside random directions', () => {
  const result = stored('gender.json');
  const { sweep } = result.experiment;
  const { panels, layers, locations } = heatmap(result, 'effect');
  expect(layers).toEqual(sweep?.layers);
  expect(locations).toEqual({ kind: 'named', names: sweep?.strengths.map(String) });
  const cell = result.sweep?.[3]?.[2];
  const [own, drawn] = panels;
  expect(own?.values[2]?.[3]).toBe(cell && measureCell(cell).effect?.mean);
  expect(drawn?.values[2]?.[3]).toBe(cell && measureCell(cell, 'random').effect?.mean);
  expect(own?.standardDeviations?.[2]?.[3]).toBe(cell && measureCell(cell).effect?.standardDeviation);
  expect(heatmap(result, 'cost').panels[0]?.values[2]?.[3]).toBe(cell && measureCell(cell).divergence?.mean);
});

test('a layer that has not arrived is a gap, and never a value', () => {
  const whole = stored('gender.json');
  const part = { ...whole, sweep: whole.sweep?.with(3, null) ?? null };
  const { panels } = heatmap(part, 'effect');
  for (const row of panels[0]?.values ?? []) {
    expect(row[3]).toBeUndefined();
    expect(row[2]).toBeTypeOf('number');
  }
});

test('the map of sites has the vectors one below the other, and that of likeness their pairs', () => {
  const result = stored('gender.json');
  const names = result.vectors.map(({ name }) => name);
  const sites = heatmap(result, 'sites');
  expect(sites.locations).toEqual({ kind: 'named', names });
  expect(sites.panels[0]?.values[1]?.[4]).toBe(result.vectors[1]?.sites[4]?.accuracy);
  const [first, second] = result.vectors.map(vectorData);
  const { panels } = heatmap(result, 'cosines');
  expect(panels[0]?.values[0]?.[4]).toBeCloseTo(cosine(first?.[4] ?? [], second?.[4] ?? []), 12);
  expect(panels[0]?.values).toHaveLength(6);
});

test('effect and cost are lines over the strength where a few layers are swept from 0 up', () => {
  const lines = steerFigures(stored('effect-and-cost.json')).find(({ kind }) => kind === 'lines');
  if (lines?.kind !== 'lines') throw new Error('There are no lines.');
  const { panels } = lines.description;
  expect(panels.map(({ title }) => title)).toEqual(['Effect', 'Divergence', 'Surprise', 'Repetition']);
  const [vector] = panels[0]?.lines ?? [];
  const [none, effect] = vector?.points[0] ?? [];
  expect(none).toBe(0);
  expect(effect).toBeCloseTo(0, 4);
  expect(steerFigures(stored('gender.json')).some(({ kind }) => kind === 'lines')).toBe(false);
});

test('the summary says what was chosen, and what could not be written for use elsewhere', () => {
  const text = steerKind.show(stored('effect-and-cost.json')).summary({ hasColours: false, columns: 80 });
  expect(text).toMatch(
    /Chosen on the first half of the prompts: layer 3, strength 0.5, effect 13.4\d\d nats/,
  );
  expect(text).toContain('Without woman.gguf: llama.cpp adds a control vector at every position');
});
