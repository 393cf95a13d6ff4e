import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { measureCell } from './cells.ts';
import { cosine } from './directions.ts';
import { steerFigures } from './figure.ts';
import { steerKind } from './kind.ts';
import { readSteerResult, type SteerResult } from './result.ts';
import { strengthLines } from './strengthFigure.ts';
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

const linesOf = (result: SteerResult) => {
  const lines = steerFigures(result).find(({ kind }) => kind === 'lines');
  return lines?.kind === 'lines' ? lines.description : null;
};

test('effect and cost are lines over the strength where a few layers are swept, with the spread of the texts', () => {
  const result = stored('effect-and-cost.json');
  const { panels } = linesOf(result) ?? {};
  expect(panels?.map(({ title }) => title)).toEqual(['Effect', 'Divergence', 'Surprise', 'Repetition']);
  const [vector, random] = panels?.[0]?.lines ?? [];
  const [none, effect] = vector?.points[0] ?? [];
  expect(none).toBe(0);
  expect(effect).toBeCloseTo(0, 4);
  // The fourth strength, by hand: mean and standard deviation over eight prompts.
  const cell = result.sweep?.[0]?.[3];
  const own =
    cell?.texts.filter(({ direction }) => direction === null).map((text) => text.effect ?? Number.NaN) ?? [];
  expect(own).toHaveLength(8);
  const mean = own.reduce((sum, x) => sum + x) / 8;
  const deviation = Math.sqrt(own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 7);
  expect(vector?.points[3]).toEqual([0.3, expect.closeTo(mean, 9)]);
  expect(vector?.spread?.[3]).toBeCloseTo(deviation, 9);
  expect(random?.name).toBe('random at layer 3');
  expect(random?.spread?.[3]).toBe(cell && measureCell(cell, 'random').effect?.standardDeviation);
  // Eight layers are maps; one of them can be lines all the same.
  expect(linesOf(stored('gender.json'))).toBeNull();
  expect(strengthLines(stored('gender.json'), [2])?.panels[0]?.lines[0]?.name).toBe('layer 2');
});

test('strengths of both signs are in their order, whatever that of the sweep', () => {
  const result = stored('effect-and-cost.json');
  const { sweep } = result.experiment;
  if (!sweep) throw new Error('There is no sweep.');
  const turned = {
    ...result.experiment,
    sweep: { ...sweep, strengths: sweep.strengths.map((x) => 0.5 - x) },
  };
  const [line] = linesOf({ ...result, experiment: turned })?.panels[0]?.lines ?? [];
  const xs = line?.points.map(([x]) => x) ?? [];
  expect(xs[0]).toBe(-1.5);
  expect(xs).toEqual(xs.toSorted((a, b) => a - b));
  const first = result.sweep?.[0]?.at(-1);
  expect(line?.points[0]?.[1]).toBe(first && measureCell(first).effect?.mean);
});

test('the summary says what was chosen, and what could not be written for use elsewhere', () => {
  const text = steerKind.show(stored('effect-and-cost.json')).summary({ hasColours: false, columns: 80 });
  expect(text).toMatch(
    /Chosen on the first half of the prompts: layer 3, strength 0.5, effect 13.4\d\d nats/,
  );
  expect(text).toContain('Without woman.gguf: llama.cpp adds a control vector at every position');
});
